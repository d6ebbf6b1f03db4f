package main

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	apps "k8s.io/client-go/applyconfigurations/apps/v1"
	core "k8s.io/client-go/applyconfigurations/core/v1"
	metaapply "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// applied is what came of applying in turn.
type applied struct {
	Data      []map[string]string `json:"data"`
	Conflict  string              `json:"conflict"`
	Causes    []string            `json:"causes"`
	Managers  []string            `json:"managers"`
	Extracted map[string]string   `json:"extracted"`
	Images    []string            `json:"images"`
	Noop      bool                `json:"noop"`
}

// checkApply lets two managers apply one ConfigMap, with typed configurations,
// and one take back what it had set; and a status and a spec by two.
func checkApply(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	seen := applied{}
	maps := client.CoreV1().ConfigMaps(namespace)
	apply := func(manager string, force bool, data map[string]string) (string, error) {
		made, err := maps.Apply(ctx, core.ConfigMap("applied", namespace).WithData(data),
			meta.ApplyOptions{FieldManager: manager, Force: force})
		if err != nil {
			return "", err
		}
		seen.Data = append(seen.Data, made.Data)
		return made.ResourceVersion, nil
	}
	first, err := apply("one", false, map[string]string{"a": "1", "b": "1"})
	if err != nil {
		return nil, err
	}
	again, err := apply("one", false, map[string]string{"a": "1", "b": "1"})
	if err != nil {
		return nil, err
	}
	seen.Noop = first == again
	_, err = apply("two", false, map[string]string{"b": "2", "c": "2"})
	if !apierrors.IsConflict(err) {
		return nil, fmt.Errorf("want a conflict, have %v", err)
	}
	seen.Conflict = err.Error()
	var status apierrors.APIStatus
	if status, _ = err.(apierrors.APIStatus); status != nil && status.Status().Details != nil {
		for _, cause := range status.Status().Details.Causes {
			seen.Causes = append(seen.Causes, fmt.Sprintf("%s %s %s", cause.Type, cause.Field, cause.Message))
		}
	}
	if _, err := apply("two", true, map[string]string{"b": "2", "c": "2"}); err != nil {
		return nil, err
	}
	if _, err := apply("one", false, map[string]string{"a": "3"}); err != nil {
		return nil, err
	}
	if _, err := apply("two", false, map[string]string{"c": "2"}); err != nil {
		return nil, err
	}
	object, err := maps.Get(ctx, "applied", meta.GetOptions{})
	if err != nil {
		return nil, err
	}
	for _, entry := range object.ManagedFields {
		seen.Managers = append(seen.Managers, fmt.Sprintf("%s %s %s %s", entry.Manager, entry.Operation, entry.APIVersion, entry.FieldsV1.String()))
	}
	mine, err := core.ExtractConfigMap(object, "one")
	if err != nil {
		return nil, err
	}
	seen.Extracted = mine.Data

	if err := applyDeployment(ctx, client, namespace, &seen); err != nil {
		return nil, err
	}
	return seen, nil
}

// applyDeployment has two managers add a container each.
func applyDeployment(ctx context.Context, client kubernetes.Interface, namespace string, seen *applied) error {
	labels := map[string]string{"app": "applied"}
	deployments := client.AppsV1().Deployments(namespace)
	for _, name := range []string{"first", "second"} {
		configuration := apps.Deployment("applied", namespace).WithSpec(apps.DeploymentSpec().
			WithReplicas(0).
			WithSelector(metaapply.LabelSelector().WithMatchLabels(labels)).
			WithTemplate(core.PodTemplateSpec().WithLabels(labels).WithSpec(core.PodSpec().
				WithContainers(core.Container().WithName(name).WithImage(name)))))
		if _, err := deployments.Apply(ctx, configuration, meta.ApplyOptions{FieldManager: name}); err != nil {
			return fmt.Errorf("deployment of %s: %w", name, err)
		}
	}
	made, err := deployments.Get(ctx, "applied", meta.GetOptions{})
	if err != nil {
		return err
	}
	for _, container := range made.Spec.Template.Spec.Containers {
		seen.Images = append(seen.Images, container.Image)
	}
	slices.Sort(seen.Images)
	return deployments.Delete(ctx, "applied", meta.DeleteOptions{})
}
