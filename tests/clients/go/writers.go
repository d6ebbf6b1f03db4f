package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	apply "k8s.io/client-go/applyconfigurations/core/v1"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
)

// writers make, change and delete ConfigMaps of their own until told to stop.
// Each repeats what it does until it is acknowledged.
type writers struct {
	maps  typed.ConfigMapInterface
	until context.Context
	quit  context.CancelFunc
	all   sync.WaitGroup

	lock sync.Mutex
	// last is each object's last acknowledged value; "" when it is deleted.
	last map[string]string
	// revisions are those of acknowledged writes, but for deletions.
	revisions []string
	writes    int
	failure   error
}

const writing = 4

// startWriters starts them; they write until stop, and end with ctx.
func startWriters(ctx context.Context, maps typed.ConfigMapInterface) *writers {
	until, quit := context.WithCancel(ctx)
	w := &writers{maps: maps, until: until, quit: quit, last: map[string]string{}}
	for writer := range writing {
		w.all.Go(func() {
			for number := 0; until.Err() == nil; number++ {
				if err := w.life(ctx, fmt.Sprintf("w%d-%d", writer, number), number); err != nil {
					w.fail(err)
					return
				}
			}
		})
	}
	return w
}

// life makes an object and changes it in each way; every other is deleted.
func (w *writers) life(ctx context.Context, name string, number int) error {
	steps := []func(context.Context, string, string) (*core.ConfigMap, error){w.create, w.update, w.patch, w.apply}
	if number%2 == 0 {
		steps = append(steps, w.remove)
	}
	for step, do := range steps {
		value := fmt.Sprintf("%s-%d", name, step)
		var made *core.ConfigMap
		for {
			var err error
			if made, err = do(ctx, name, value); err == nil {
				break
			}
			if !passing(err) || ctx.Err() != nil {
				return fmt.Errorf("step %d of %s: %w", step, name, err)
			}
			time.Sleep(between)
		}
		w.acknowledge(name, value, made)
	}
	return nil
}

func (w *writers) create(ctx context.Context, name, value string) (*core.ConfigMap, error) {
	object := &core.ConfigMap{
		ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{"half": "yes"}},
		Data:       map[string]string{"value": value},
	}
	made, err := w.maps.Create(ctx, object, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		// The server had heard, though it could not say so.
		return w.maps.Get(ctx, name, meta.GetOptions{})
	}
	return made, err
}

func (w *writers) update(ctx context.Context, name, value string) (*core.ConfigMap, error) {
	object, err := w.maps.Get(ctx, name, meta.GetOptions{})
	if err != nil || object.Data["value"] == value {
		return object, err
	}
	object.Data["value"] = value
	object.Labels["half"] = "no"
	return w.maps.Update(ctx, object, meta.UpdateOptions{})
}

func (w *writers) patch(ctx context.Context, name, value string) (*core.ConfigMap, error) {
	change := fmt.Sprintf(`{"metadata":{"labels":{"half":"yes"}},"data":{"value":%q}}`, value)
	return w.maps.Patch(ctx, name, types.MergePatchType, []byte(change), meta.PatchOptions{})
}

func (w *writers) apply(ctx context.Context, name, value string) (*core.ConfigMap, error) {
	object := apply.ConfigMap(name, "").WithData(map[string]string{"value": value})
	object.Namespace = nil
	return w.maps.Apply(ctx, object, meta.ApplyOptions{FieldManager: "storm", Force: true})
}

func (w *writers) remove(ctx context.Context, name, _ string) (*core.ConfigMap, error) {
	err := w.maps.Delete(ctx, name, meta.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return nil, err
}

func (w *writers) acknowledge(name, value string, made *core.ConfigMap) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.writes++
	if made == nil {
		w.last[name] = ""
		return
	}
	w.last[name] = value
	w.revisions = append(w.revisions, made.ResourceVersion)
}

func (w *writers) fail(err error) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.failure = errors.Join(w.failure, err)
	w.quit()
}

func (w *writers) count() int {
	w.lock.Lock()
	defer w.lock.Unlock()
	return w.writes
}

// acknowledged are the revisions of writes so far.
func (w *writers) acknowledged() []string {
	w.lock.Lock()
	defer w.lock.Unlock()
	return append([]string(nil), w.revisions...)
}

// more waits until so many more writes are acknowledged.
func (w *writers) more(ctx context.Context, count int) error {
	for target := w.count() + count; w.count() < target; time.Sleep(between) {
		if w.until.Err() != nil || ctx.Err() != nil {
			w.lock.Lock()
			defer w.lock.Unlock()
			return fmt.Errorf("writing has ended: %w", errors.Join(ctx.Err(), w.failure))
		}
	}
	return nil
}

func (w *writers) stop() error {
	w.quit()
	w.all.Wait()
	return w.failure
}

// judge holds what there is against what was acknowledged.
func (w *writers) judge(items []core.ConfigMap) error {
	there := index(items)
	var wrong []string
	for _, name := range sorted(w.last) {
		object, is := there[name]
		switch value := w.last[name]; {
		case value == "" && is:
			wrong = append(wrong, name+" was deleted and is there")
		case value != "" && !is:
			wrong = append(wrong, name+" was made and is gone")
		case value != object.Data["value"]:
			wrong = append(wrong, fmt.Sprintf("%s is %q, not %q", name, object.Data["value"], value))
		}
	}
	for _, name := range sorted(there) {
		if _, known := w.last[name]; !known && strings.HasPrefix(name, "w") {
			wrong = append(wrong, name+" is there, but nobody made it")
		}
	}
	if wrong != nil {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}
