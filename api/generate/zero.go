package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// What Go's encoder does with the zero of a field, by the field's name in
// JSON: "omit", "write", or "null" or nothing for a pointer's.
type zeros map[string]string

// The zeros of every struct of a folder, embedded structs' with them.
func zerosOf(folder string) map[string]zeros {
	structs := map[string]*ast.StructType{}
	named := map[string]ast.Expr{}
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		log.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			log.Fatal(err)
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			if spec, ok := node.(*ast.TypeSpec); ok {
				named[spec.Name.Name] = spec.Type
				if of, ok := spec.Type.(*ast.StructType); ok {
					structs[spec.Name.Name] = of
				}
			}
			return true
		})
	}
	all := map[string]zeros{}
	for name := range structs {
		all[name] = zeros{}
		collect(structs[name], structs, named, all[name])
	}
	return all
}

func collect(of *ast.StructType, structs map[string]*ast.StructType, named map[string]ast.Expr, to zeros) {
	for _, field := range of.Fields.List {
		if field.Tag == nil {
			continue
		}
		tag, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			log.Fatal(err)
		}
		name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		if name == "" && strings.Contains(options, "inline") {
			if inner, ok := field.Type.(*ast.Ident); ok && structs[inner.Name] != nil {
				collect(structs[inner.Name], structs, named, to)
			}
			continue
		}
		if name == "-" || name == "" {
			continue
		}
		to[name] = zero(field.Type, options, named)
	}
}

func zero(of ast.Expr, options string, named map[string]ast.Expr) string {
	empty := strings.Contains(options, "omitempty")
	switch under := underlying(of, named).(type) {
	case *ast.StarExpr:
		if empty || strings.Contains(options, "omitzero") {
			return ""
		}
		return "null"
	case *ast.StructType:
		// "omitempty" does nothing to a struct.
		empty = strings.Contains(options, "omitzero")
	case *ast.SelectorExpr:
		// The types of other packages are all structs but this one.
		empty = strings.Contains(options, "omitzero") || empty && under.Sel.Name == "UID"
	}
	if empty {
		return "omit"
	}
	return "write"
}

func underlying(of ast.Expr, named map[string]ast.Expr) ast.Node {
	for {
		name, ok := of.(*ast.Ident)
		if !ok || named[name.Name] == nil {
			return of
		}
		of = named[name.Name]
	}
}

// Says of every property what becomes of its zero.
func sayZeros(name string, definition object, all map[string]map[string]zeros) {
	at := strings.LastIndex(name, ".")
	of := all[name[:at]][name[at+1:]]
	properties, _ := definition["properties"].(object)
	for _, key := range sorted(properties) {
		zero, ok := of[key]
		// Whole objects have these two from elsewhere.
		if !ok && (key == "apiVersion" || key == "kind") {
			continue
		} else if !ok {
			log.Printf("%s.%s is in no struct", name, key)
		}
		if zero != "" {
			properties[key].(object)["x-go-zero"] = zero
		}
	}
}
