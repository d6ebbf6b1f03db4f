package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// led is who led, in turn.
type led struct {
	Holder      string `json:"holder"`
	Transitions int32  `json:"transitions"`
}

// office is who leads now, as the candidates themselves believe.
type office struct {
	sync.Mutex
	now     map[string]bool
	twofold bool
}

func (o *office) set(name string, leads bool) {
	o.Lock()
	defer o.Unlock()
	o.now[name] = leads
	all := 0
	for _, leads := range o.now {
		if leads {
			all++
		}
	}
	o.twofold = o.twofold || all > 1
}

func (o *office) leads(name string) bool {
	o.Lock()
	defer o.Unlock()
	return o.now[name]
}

// checkLeaders has two candidates for one Lease. The first leads, over a crash
// of the server as well, until it gives up; then the second does. There are
// never two.
func checkLeaders(ctx context.Context, at place) (any, error) {
	client, err := kubernetes.NewForConfig(at.config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 4*limit)
	defer cancel()
	office := &office{now: map[string]bool{}}
	await := func(name string) error {
		for !office.leads(name) {
			if ctx.Err() != nil {
				return fmt.Errorf("%s does not lead", name)
			}
			time.Sleep(between)
		}
		return nil
	}
	first, resign := context.WithCancel(ctx)
	defer resign()
	var all sync.WaitGroup
	if err := stand(first, &all, client, at.namespace, "first", office); err != nil {
		return nil, err
	}
	if err := await("first"); err != nil {
		return nil, err
	}
	second, stop := context.WithCancel(ctx)
	defer stop()
	if err := stand(second, &all, client, at.namespace, "second", office); err != nil {
		return nil, err
	}
	if at.server != nil {
		before, err := renewed(ctx, client, at.namespace)
		if err != nil {
			return nil, err
		}
		if err := at.server.crash(ctx); err != nil {
			return nil, err
		}
		for {
			after, err := renewed(ctx, client, at.namespace)
			if err != nil {
				return nil, err
			}
			if after.After(before.Time) {
				break
			}
			time.Sleep(between)
		}
	}
	// It says that it leads no more only after it has let the lease go.
	office.set("first", false)
	resign()
	if err := await("second"); err != nil {
		return nil, err
	}
	lease, err := client.CoordinationV1().Leases(at.namespace).Get(ctx, "office", meta.GetOptions{})
	if err != nil {
		return nil, err
	}
	stop()
	all.Wait()
	if office.twofold {
		return nil, fmt.Errorf("two led at once")
	}
	return led{Holder: *lease.Spec.HolderIdentity, Transitions: *lease.Spec.LeaseTransitions}, nil
}

// stand has one candidate stand until ctx ends.
func stand(ctx context.Context, all *sync.WaitGroup, client kubernetes.Interface, namespace, name string, office *office) error {
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  meta.ObjectMeta{Name: "office", Namespace: namespace},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		},
		LeaseDuration:   60 * time.Second,
		RenewDeadline:   40 * time.Second,
		RetryPeriod:     500 * time.Millisecond,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { office.set(name, true) },
			OnStoppedLeading: func() { office.set(name, false) },
		},
	})
	if err != nil {
		return err
	}
	all.Go(func() { elector.Run(ctx) })
	return nil
}

func renewed(ctx context.Context, client kubernetes.Interface, namespace string) (*meta.MicroTime, error) {
	lease, err := client.CoordinationV1().Leases(namespace).Get(ctx, "office", meta.GetOptions{})
	if err != nil {
		return nil, err
	}
	return lease.Spec.RenewTime, nil
}
