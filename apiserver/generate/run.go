package main

import (
	"errors"
	"fmt"
	"log"
	"slices"
	"strings"

	"k8s.io/kube-openapi/pkg/schemaconv"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/merge"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// An object as it goes through a script.
type state struct {
	of       typed.ParseableType
	live     *typed.TypedValue
	managers fieldpath.ManagedFields
	served   served
}

func run(definitions map[string]*spec.Schema, script script) []answer {
	converted, err := schemaconv.ToSchemaFromOpenAPI(definitions, false)
	check(err)
	parser := &typed.Parser{}
	converted.CopyInto(&parser.Schema)
	of := func(name string) typed.ParseableType {
		found := parser.Type(name)
		if !found.IsValid() {
			log.Fatalf("%s: no definition %q", script.What, name)
		}
		return found
	}
	versions := script.Served
	if versions == nil {
		versions = []string{"v1", "v2", "v3", "v4"}
	}
	s := state{of: of(script.Of), managers: fieldpath.ManagedFields{}, served: served{}}
	for _, version := range versions {
		s.served[fieldpath.APIVersion(version)] = true
	}
	s.live, err = s.of.FromUnstructured(nil)
	check(err)
	var answers []answer
	for _, step := range script.Steps {
		switch {
		case step.Become != "":
			s.of = of(step.Become)
			s.live, err = s.of.FromUnstructured(s.live.AsValue().Unstructured(), typed.AllowDuplicates)
			check(err)
		case step.Gone != "":
			delete(s.served, fieldpath.APIVersion(step.Gone))
		default:
			answers = append(answers, s.step(step, script.Endpoints[step.Through]))
		}
	}
	return answers
}

func (s *state) step(step step, through endpoint) answer {
	version := fieldpath.APIVersion(step.Version)
	if version == "" {
		version = "v1"
	}
	updater := &merge.Updater{Converter: s.served, IgnoreFilter: s.filters(through)}
	// A refused step changes nothing.
	managers := s.managers.Copy()
	var err error
	if step.Update != "" {
		var object *typed.TypedValue
		object, err = s.of.FromUnstructured(step.Object, typed.AllowDuplicates)
		if err == nil {
			object, managers, err = updater.Update(s.live, object, version, managers, step.Update)
		}
		if err == nil {
			s.live, s.managers = object, managers
		}
	} else {
		var object *typed.TypedValue
		object, err = s.of.FromUnstructured(step.Object)
		if err == nil {
			who, force := step.Apply, false
			if step.Force != "" {
				who, force = step.Force, true
			}
			object, managers, err = updater.Apply(s.live, object, version, managers, who, force)
		}
		if err == nil {
			s.managers = managers
			if object != nil {
				s.live = object
			}
		}
	}
	if err != nil {
		return refusal(err)
	}
	now := answer{Object: s.live.AsValue().Unstructured(), Owners: map[string]owned{}}
	for manager, set := range s.managers {
		fields, err := set.Set().ToJSON()
		check(err)
		now.Owners[manager] = owned{string(set.APIVersion()), set.Applied(), string(fields)}
	}
	return now
}

func refusal(err error) answer {
	var conflicts merge.Conflicts
	if !errors.As(err, &conflicts) {
		return answer{Refused: err.Error()}
	}
	var told []string
	for _, conflict := range conflicts {
		told = append(told, fmt.Sprintf("%s %s", conflict.Manager, conflict.Path))
	}
	slices.Sort(told)
	return answer{Conflicts: told}
}

func (s *state) filters(through endpoint) map[fieldpath.APIVersion]fieldpath.Filter {
	var filter fieldpath.Filter
	if through.Without != nil {
		set := fieldpath.NewSet()
		for _, path := range through.Without {
			set.Insert(fieldpath.MakePathOrDie(parts(path)...))
		}
		filter = fieldpath.NewExcludeSetFilter(set)
	}
	if through.Only != nil {
		var matchers []*fieldpath.SetMatcher
		for _, path := range through.Only {
			matchers = append(matchers, fieldpath.MakePrefixMatcherOrDie(parts(path)...))
		}
		filter = fieldpath.NewIncludeMatcherFilter(matchers...)
	}
	found := map[fieldpath.APIVersion]fieldpath.Filter{}
	for version := range s.served {
		found[version] = filter
	}
	return found
}

func parts(path string) []any {
	var parts []any
	for _, part := range strings.Split(path, ".") {
		parts = append(parts, part)
	}
	return parts
}

// The versions that are served, all of which have the same fields.
type served map[fieldpath.APIVersion]bool

var errNotServed = errors.New("not served")

func (s served) Convert(object *typed.TypedValue, version fieldpath.APIVersion) (*typed.TypedValue, error) {
	if !s[version] {
		return nil, errNotServed
	}
	return object, nil
}

func (served) IsMissingVersionError(err error) bool {
	return errors.Is(err, errNotServed)
}

// Whether two values are the same to the library.
func same(left, right any) bool {
	return value.Equals(value.NewValueInterface(left), value.NewValueInterface(right))
}
