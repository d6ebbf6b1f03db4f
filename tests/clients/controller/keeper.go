package main

import (
	"context"
	"slices"
	"sync"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

const finalizer = "example.com/clean"

// keeper keeps a Secret for each owner. It watches the Secrets' metadata alone.
type keeper struct {
	client.Client
	scheme *runtime.Scheme

	lock    sync.Mutex
	cleaned []string
}

func (k *keeper) register(manager ctrl.Manager) error {
	owner, err := predicate.LabelSelectorPredicate(meta.LabelSelector{MatchLabels: map[string]string{"of": "owner"}})
	if err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(manager).
		For(&core.ConfigMap{}, builder.WithPredicates(owner)).
		Owns(&core.Secret{}, builder.OnlyMetadata).
		Complete(k)
}

// Reconcile makes the Secret, or takes it away where its owner goes.
func (k *keeper) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var owner core.ConfigMap
	if err := k.Get(ctx, request.NamespacedName, &owner); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	secret := &core.Secret{ObjectMeta: meta.ObjectMeta{Namespace: owner.Namespace, Name: owner.Name}}
	if !owner.DeletionTimestamp.IsZero() {
		if !controllerutil.ContainsFinalizer(&owner, finalizer) {
			return ctrl.Result{}, nil
		}
		if err := client.IgnoreNotFound(k.Delete(ctx, secret)); err != nil {
			return ctrl.Result{}, err
		}
		k.note(owner.Name)
		before := owner.DeepCopy()
		controllerutil.RemoveFinalizer(&owner, finalizer)
		return ctrl.Result{}, client.IgnoreNotFound(k.Patch(ctx, &owner, client.MergeFrom(before)))
	}
	if controllerutil.AddFinalizer(&owner, finalizer) {
		if err := k.Update(ctx, &owner); err != nil {
			return ctrl.Result{}, err
		}
	}
	_, err := controllerutil.CreateOrUpdate(ctx, k.Client, secret, func() error {
		secret.Data = map[string][]byte{"of": []byte(owner.Name)}
		return controllerutil.SetControllerReference(&owner, secret, k.scheme)
	})
	return ctrl.Result{}, err
}

func (k *keeper) note(name string) {
	k.lock.Lock()
	defer k.lock.Unlock()
	if !slices.Contains(k.cleaned, name) {
		k.cleaned = append(k.cleaned, name)
		slices.Sort(k.cleaned)
	}
}

// gone are the owners that it has cleaned up after.
func (k *keeper) gone() []string {
	k.lock.Lock()
	defer k.lock.Unlock()
	return slices.Clone(k.cleaned)
}
