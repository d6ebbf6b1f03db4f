package main

import (
	"io/fs"
	"log"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A message, of which only the fields' names, numbers and types count.
type message struct{ fields []field }

type field struct {
	name   string
	number int
	// The full name of a message, or a scalar's.
	kind string
}

var (
	packageLine = regexp.MustCompile(`^package (\S+);`)
	messageLine = regexp.MustCompile(`^message (\S+) \{`)
	fieldLine   = regexp.MustCompile(`^  (?:optional|repeated|required|)\s*(map<[^>]+>|\S+) (\w+) = (\d+)`)
)

// The messages of all generated.proto files below the folders, by full name.
func protobuf(folders ...string) map[string]message {
	messages := map[string]message{}
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Name() == "generated.proto" {
				parse(string(file(path)), messages)
			}
			return err
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	return messages
}

func parse(text string, messages map[string]message) {
	pkg, current := "", ""
	for line := range strings.Lines(text) {
		if match := packageLine.FindStringSubmatch(line); match != nil {
			pkg = match[1]
		} else if match := messageLine.FindStringSubmatch(line); match != nil {
			current = pkg + "." + match[1]
			messages[current] = message{}
		} else if match := fieldLine.FindStringSubmatch(line); match != nil && current != "" {
			number, err := strconv.Atoi(match[3])
			if err != nil {
				log.Fatal(err)
			}
			kind := strings.TrimPrefix(match[1], ".")
			if !strings.Contains(kind, ".") {
				kind = pkg + "." + kind
			}
			in := messages[current]
			in.fields = append(in.fields, field{name: match[2], number: number, kind: kind})
			messages[current] = in
		}
	}
}
