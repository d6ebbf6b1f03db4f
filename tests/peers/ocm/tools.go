//go:build tools

// Package ocm pins Open Cluster Management's programs that the tests run.
package ocm

import (
	_ "open-cluster-management.io/ocm/cmd/registration"
	_ "open-cluster-management.io/ocm/cmd/work"
)
