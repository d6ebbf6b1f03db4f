// Command oracle writes what the real server's code makes of generated
// requests, for the tests of the crate to compare with.
//
//	go run . json|merge|native|strategic|widgets SEED CASES > ../fixtures/….json
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strconv"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: oracle json|merge|native|strategic|widgets SEED CASES")
		os.Exit(2)
	}
	seed, err := strconv.ParseInt(os.Args[2], 10, 64)
	check(err)
	count, err := strconv.Atoi(os.Args[3])
	check(err)
	random := rand.New(rand.NewSource(seed))
	var cases []any
	for range count {
		switch os.Args[1] {
		case "widgets":
			cases = append(cases, widgetCase(random))
		case "native":
			cases = append(cases, nativeCase(random))
		case "json":
			cases = append(cases, jsonPatchCase(random))
		case "merge":
			cases = append(cases, mergePatchCase(random))
		case "strategic":
			cases = append(cases, strategicCase(random))
		default:
			check(fmt.Errorf("no such cases: %s", os.Args[1]))
		}
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintln(out, "[")
	for i, c := range cases {
		text, err := json.Marshal(c)
		check(err)
		out.Write(text)
		if i+1 < len(cases) {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
	}
	fmt.Fprintln(out, "]")
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
