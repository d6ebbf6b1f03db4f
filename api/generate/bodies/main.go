// Command bodies writes objects of every kind that clients send as protobuf, as
// Kubernetes' own code encodes them: one JSON object a line, with the JSON form
// and the protobuf form (base64) of the same object.
//
//	cd api/generate && go run ./bodies > ../../apiserver/tests/bodies.jsonl
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"math/rand"
	"os"
	"reflect"
	"time"

	apps "k8s.io/api/apps/v1"
	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	autoscaling "k8s.io/api/autoscaling/v1"
	batch "k8s.io/api/batch/v1"
	certificates "k8s.io/api/certificates/v1"
	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	events "k8s.io/api/events/v1"
	rbac "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var objects = map[schema.GroupVersion][]runtime.Object{
	core.SchemeGroupVersion: {
		&core.ConfigMap{}, &core.Endpoints{}, &core.Event{}, &core.Namespace{}, &core.Node{},
		&core.Pod{}, &core.Secret{}, &core.Service{}, &core.ServiceAccount{},
		&meta.DeleteOptions{}, &meta.Status{},
	},
	apps.SchemeGroupVersion:           {&apps.Deployment{}},
	authentication.SchemeGroupVersion: {&authentication.SelfSubjectReview{}, &authentication.TokenRequest{}, &authentication.TokenReview{}},
	authorization.SchemeGroupVersion: {
		&authorization.LocalSubjectAccessReview{}, &authorization.SelfSubjectAccessReview{},
		&authorization.SelfSubjectRulesReview{}, &authorization.SubjectAccessReview{},
	},
	autoscaling.SchemeGroupVersion:  {&autoscaling.Scale{}},
	batch.SchemeGroupVersion:        {&batch.Job{}},
	certificates.SchemeGroupVersion: {&certificates.CertificateSigningRequest{}},
	coordination.SchemeGroupVersion: {&coordination.Lease{}},
	discovery.SchemeGroupVersion:    {&discovery.EndpointSlice{}},
	events.SchemeGroupVersion:       {&events.Event{}},
	rbac.SchemeGroupVersion:         {&rbac.ClusterRole{}, &rbac.ClusterRoleBinding{}, &rbac.Role{}, &rbac.RoleBinding{}},
}

// How many of an object's fields are set.
var chances = []float64{0, 0.3, 1}

func main() {
	log.SetFlags(0)
	encoder := protobuf.NewSerializer(nil, nil)
	random := rand.New(rand.NewSource(1))
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for _, version := range []schema.GroupVersion{
		core.SchemeGroupVersion, apps.SchemeGroupVersion, authentication.SchemeGroupVersion,
		authorization.SchemeGroupVersion, autoscaling.SchemeGroupVersion, batch.SchemeGroupVersion,
		certificates.SchemeGroupVersion, coordination.SchemeGroupVersion,
		discovery.SchemeGroupVersion, events.SchemeGroupVersion, rbac.SchemeGroupVersion,
	} {
		for _, object := range objects[version] {
			for _, chance := range chances {
				of := reflect.TypeOf(object).Elem()
				filled := reflect.New(of)
				fill(filled.Elem(), random, chance, 0)
				made := filled.Interface().(runtime.Object)
				made.GetObjectKind().SetGroupVersionKind(version.WithKind(of.Name()))
				encoded, err := runtime.Encode(encoder, made)
				if err != nil {
					log.Fatal(err)
				}
				if err := out.Encode(map[string]any{"object": made, "protobuf": encoded}); err != nil {
					log.Fatal(err)
				}
			}
		}
	}
}

// Sets a value's fields, each with a chance.
func fill(to reflect.Value, random *rand.Rand, chance float64, depth int) {
	number := random.Int63n(1000) + 1
	switch value := to.Addr().Interface().(type) {
	case *meta.TypeMeta:
		return
	case *meta.Time:
		value.Time = time.Unix(1700000000+number, 0).UTC()
		return
	case *meta.MicroTime:
		value.Time = time.Unix(1700000000, number*1000).UTC()
		return
	case *resource.Quantity:
		*value = resource.MustParse(fmt.Sprintf("%dMi", 2*number+1))
		return
	case *intstr.IntOrString:
		if *value = intstr.FromInt32(int32(number)); number%2 == 0 {
			*value = intstr.FromString("50%")
		}
		return
	case *meta.FieldsV1:
		value.SetRawBytes([]byte(`{"f:spec":{".":{},"f:x":{}}}`))
		return
	case *runtime.RawExtension:
		value.Raw = []byte(`{"a":[1,null,"b"]}`)
		return
	}
	switch to.Kind() {
	case reflect.String:
		to.SetString(fmt.Sprintf("té-%d", number))
	case reflect.Bool:
		to.SetBool(true)
	case reflect.Int32, reflect.Int64, reflect.Int:
		to.SetInt(number - 500)
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		// A pointer to a zero is another thing than none, but for what is
		// then null in JSON, which is none to whoever reads that.
		_, opaque := to.Interface().(json.Marshaler)
		if number%3 != 0 || opaque {
			fill(to.Elem(), random, chance, depth)
		}
	case reflect.Slice:
		count := int(number%2) + 1
		if to.Type().Elem().Kind() == reflect.Uint8 {
			bytes := make([]byte, number%40+1)
			random.Read(bytes)
			to.SetBytes(bytes)
			return
		}
		to.Set(reflect.MakeSlice(to.Type(), count, count))
		for i := range count {
			fill(to.Index(i), random, chance, depth+1)
		}
	case reflect.Map:
		to.Set(reflect.MakeMap(to.Type()))
		for range int(number%2) + 1 {
			key, value := reflect.New(to.Type().Key()).Elem(), reflect.New(to.Type().Elem()).Elem()
			fill(key, random, chance, depth+1)
			fill(value, random, chance, depth+1)
			to.SetMapIndex(key, value)
		}
	case reflect.Struct:
		for i := range to.NumField() {
			// Far down only a few fields more, or a pod has thousands.
			reach := chance
			if depth > 2 && reach < 1 {
				reach /= 2
			}
			if to.Type().Field(i).Anonymous || random.Float64() < reach {
				fill(to.Field(i), random, chance, depth)
			}
		}
	default:
		log.Fatalf("nobody has thought of %s", to.Type())
	}
}
