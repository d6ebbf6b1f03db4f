package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apps "k8s.io/api/apps/v1"
	certificates "k8s.io/api/certificates/v1"
	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	events "k8s.io/api/events/v1"
	rbac "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
)

// checkKinds has objects of many kinds made by typed clients, which write
// protobuf, and tells what became of them.
func checkKinds(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	config = rest.CopyConfig(config)
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*limit)
	defer cancel()
	seen := map[string]any{}
	for _, object := range samples(namespace) {
		kinds, _, err := scheme.Scheme.ObjectKinds(object)
		if err != nil {
			return nil, err
		}
		name := kinds[0].GroupVersion().String() + " " + kinds[0].Kind
		if seen[name], err = lifeOf(ctx, client, object, namespace); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return seen, nil
}

// lifeOf makes the object, reads it and deletes it by its type's own client.
func lifeOf(ctx context.Context, client kubernetes.Interface, object runtime.Object, namespace string) (any, error) {
	switch object := object.(type) {
	case *core.ConfigMap:
		return life(ctx, client.CoreV1().ConfigMaps(namespace), object)
	case *core.Secret:
		return life(ctx, client.CoreV1().Secrets(namespace), object)
	case *core.Service:
		return life(ctx, client.CoreV1().Services(namespace), object)
	case *core.ServiceAccount:
		return life(ctx, client.CoreV1().ServiceAccounts(namespace), object)
	case *core.Event:
		return life(ctx, client.CoreV1().Events(namespace), object)
	case *core.Endpoints:
		return life(ctx, client.CoreV1().Endpoints(namespace), object)
	case *events.Event:
		return life(ctx, client.EventsV1().Events(namespace), object)
	case *discovery.EndpointSlice:
		return life(ctx, client.DiscoveryV1().EndpointSlices(namespace), object)
	case *coordination.Lease:
		return life(ctx, client.CoordinationV1().Leases(namespace), object)
	case *certificates.CertificateSigningRequest:
		return life(ctx, client.CertificatesV1().CertificateSigningRequests(), object)
	case *rbac.Role:
		return life(ctx, client.RbacV1().Roles(namespace), object)
	case *rbac.RoleBinding:
		return life(ctx, client.RbacV1().RoleBindings(namespace), object)
	case *rbac.ClusterRole:
		return life(ctx, client.RbacV1().ClusterRoles(), object)
	case *rbac.ClusterRoleBinding:
		return life(ctx, client.RbacV1().ClusterRoleBindings(), object)
	case *apps.Deployment:
		return life(ctx, client.AppsV1().Deployments(namespace), object)
	}
	return nil, fmt.Errorf("no client for it")
}

// client is what every type's own client does.
type client[T runtime.Object] interface {
	Create(context.Context, T, meta.CreateOptions) (T, error)
	Update(context.Context, T, meta.UpdateOptions) (T, error)
	Get(context.Context, string, meta.GetOptions) (T, error)
	Delete(context.Context, string, meta.DeleteOptions) error
}

// life makes an object, labels it and deletes it under the condition that it
// is still the same. It returns what was made, without what differs each time.
func life[T runtime.Object](ctx context.Context, client client[T], object T) (any, error) {
	made, err := client.Create(ctx, object, meta.CreateOptions{FieldManager: "kinds"})
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	accessor, err := apimeta.Accessor(made)
	if err != nil {
		return nil, err
	}
	name, id := accessor.GetName(), accessor.GetUID()
	plain, err := timeless(made)
	if err != nil {
		return nil, err
	}
	// Where there are controllers they change it too.
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		again, err := client.Get(ctx, name, meta.GetOptions{})
		if err != nil {
			return err
		}
		accessor, _ := apimeta.Accessor(again)
		accessor.SetLabels(map[string]string{"changed": "yes"})
		_, err = client.Update(ctx, again, meta.UpdateOptions{})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("update: %w", err)
	}
	other := meta.NewUIDPreconditions("other")
	if err := client.Delete(ctx, name, meta.DeleteOptions{Preconditions: other}); !apierrors.IsConflict(err) {
		return nil, fmt.Errorf("delete another: want a conflict, have %w", err)
	}
	if err := client.Delete(ctx, name, meta.DeleteOptions{Preconditions: meta.NewUIDPreconditions(string(id))}); err != nil {
		return nil, fmt.Errorf("delete: %w", err)
	}
	return plain, nil
}

// timeless is the object without its versions, ids and the times of its making.
func timeless(object runtime.Object) (any, error) {
	accessor, err := apimeta.Accessor(object)
	if err != nil {
		return nil, err
	}
	accessor.SetUID("")
	accessor.SetResourceVersion("")
	accessor.SetCreationTimestamp(meta.Time{})
	accessor.SetManagedFields(nil)
	text, err := json.Marshal(object)
	return json.RawMessage(text), err
}

// samples are objects with a field of each sort.
func samples(namespace string) []runtime.Object {
	named := func(name string) meta.ObjectMeta {
		return meta.ObjectMeta{Name: name, Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d\ne"}}
	}
	one, three, yes, text := int32(1), int32(3), true, "text"
	at := meta.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	exact := meta.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC))
	labels := map[string]string{"app": "sample"}
	half := intstr.FromString("50%")
	clusterwide := namespace + "-sample"
	rules := []rbac.PolicyRule{
		{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{"a"}},
	}
	subjects := []rbac.Subject{
		{Kind: rbac.UserKind, APIGroup: rbac.GroupName, Name: "jane"},
		{Kind: rbac.ServiceAccountKind, Name: "robot", Namespace: namespace},
	}
	about := core.ObjectReference{Kind: "ConfigMap", APIVersion: "v1", Namespace: namespace, Name: "sample"}
	return []runtime.Object{
		&core.ConfigMap{ObjectMeta: named("sample"), Data: map[string]string{"a": "", "b": "é\x00"}, BinaryData: map[string][]byte{"c": {0, 255}}},
		&core.Secret{ObjectMeta: named("sample"), Data: map[string][]byte{"a": {0, 1, 2}, "b": {}}, StringData: map[string]string{"s": "t"}, Type: "example.com/own", Immutable: &yes},
		&core.ServiceAccount{ObjectMeta: named("sample"), AutomountServiceAccountToken: new(bool), ImagePullSecrets: []core.LocalObjectReference{{Name: "s"}}},
		&core.Service{ObjectMeta: named("sample"), Spec: core.ServiceSpec{ClusterIP: core.ClusterIPNone, Selector: labels, Ports: []core.ServicePort{
			{Name: "a", Port: 80, TargetPort: intstr.FromString("http")}, {Name: "b", Port: 81, TargetPort: intstr.FromInt32(8081), AppProtocol: &text}}}},
		&core.Endpoints{ObjectMeta: named("other"), Subsets: []core.EndpointSubset{{Addresses: []core.EndpointAddress{{IP: "10.1.2.3"}}, Ports: []core.EndpointPort{{Port: 80}}}}},
		&discovery.EndpointSlice{ObjectMeta: named("sample"), AddressType: discovery.AddressTypeIPv4, Ports: []discovery.EndpointPort{{Name: &text, Port: &one}},
			Endpoints: []discovery.Endpoint{{Addresses: []string{"10.1.2.3"}, Conditions: discovery.EndpointConditions{Ready: &yes}}}},
		&core.Event{ObjectMeta: named("sample.1"), InvolvedObject: about, Reason: "Sampled", Message: "it was", Type: core.EventTypeNormal,
			Source: core.EventSource{Component: "tests"}, FirstTimestamp: at, LastTimestamp: at, Count: 2},
		&events.Event{ObjectMeta: named("sample.2"), Regarding: about, Reason: "Sampled", Note: "it was", Type: core.EventTypeWarning, Action: "Sample",
			EventTime: exact, ReportingController: "example.com/tests", ReportingInstance: "one", Series: &events.EventSeries{Count: 2, LastObservedTime: exact}},
		&coordination.Lease{ObjectMeta: named("sample"), Spec: coordination.LeaseSpec{HolderIdentity: &text, LeaseDurationSeconds: &three, AcquireTime: &exact, RenewTime: &exact, LeaseTransitions: new(int32)}},
		&certificates.CertificateSigningRequest{ObjectMeta: named(clusterwide), Spec: certificates.CertificateSigningRequestSpec{
			Request: []byte(request), SignerName: "example.com/signer", ExpirationSeconds: seconds(3600), Usages: []certificates.KeyUsage{certificates.UsageClientAuth}}},
		&rbac.Role{ObjectMeta: named("sample"), Rules: rules},
		&rbac.RoleBinding{ObjectMeta: named("sample"), RoleRef: rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "Role", Name: "sample"}, Subjects: subjects},
		&rbac.ClusterRole{ObjectMeta: named(clusterwide), Rules: []rbac.PolicyRule{{Verbs: []string{"get"}, NonResourceURLs: []string{"/x/*"}}}},
		&rbac.ClusterRoleBinding{ObjectMeta: named(clusterwide), RoleRef: rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: clusterwide}, Subjects: subjects},
		&apps.Deployment{ObjectMeta: named("sample"), Spec: apps.DeploymentSpec{
			Paused: true, Replicas: new(int32), Selector: &meta.LabelSelector{MatchLabels: labels, MatchExpressions: []meta.LabelSelectorRequirement{{Key: "x", Operator: meta.LabelSelectorOpDoesNotExist}}},
			Strategy: apps.DeploymentStrategy{Type: apps.RollingUpdateDeploymentStrategyType, RollingUpdate: &apps.RollingUpdateDeployment{MaxSurge: &half}},
			Template: core.PodTemplateSpec{ObjectMeta: meta.ObjectMeta{Labels: labels}, Spec: core.PodSpec{Containers: []core.Container{{
				Name: "main", Image: "none", Ports: []core.ContainerPort{{ContainerPort: 80}},
				Env:           []core.EnvVar{{Name: "A", ValueFrom: &core.EnvVarSource{FieldRef: &core.ObjectFieldSelector{FieldPath: "metadata.name"}}}},
				Resources:     core.ResourceRequirements{Limits: core.ResourceList{"cpu": resource.MustParse("0.5"), "memory": resource.MustParse("1.5Gi")}},
				LivenessProbe: &core.Probe{ProbeHandler: core.ProbeHandler{HTTPGet: &core.HTTPGetAction{Path: "/", Port: intstr.FromInt32(80)}}},
			}}}},
		}},
	}
}

func seconds(count int32) *int32 { return &count }

// request is a certificate request of `jane` in `devs`.
const request = `-----BEGIN CERTIFICATE REQUEST-----
MIHZMIGAAgEAMB4xDTALBgNVBAMMBGphbmUxDTALBgNVBAoMBGRldnMwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAARic4/FKqQ8hvukAPGduaBReNQtC5vOOR8n83Af
H4/OSwAMkce6UeI+pA3iJe2/yFBtd7xaaH6mlM/TnVPEGSw2oAAwCgYIKoZIzj0E
AwIDSAAwRQIgax9Qy1WuE5JmCXIkFP3LbAn32PMzLmAKe6+iKqxDQDYCIQClHOta
7NOHSQj9A9j+yKCvWPzunRT9BBcEtIWs/x0thA==
-----END CERTIFICATE REQUEST-----
`
