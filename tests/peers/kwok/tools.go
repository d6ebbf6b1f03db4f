//go:build tools

// Package kwok pins the fake node that the tests run.
package kwok

import _ "sigs.k8s.io/kwok/cmd/kwok"
