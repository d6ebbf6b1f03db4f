package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// reviewed is what the server says of a service account.
type reviewed struct {
	User     string   `json:"user"`
	Groups   []string `json:"groups"`
	Extra    []string `json:"extra"`
	Unknown  string   `json:"unknown"`
	Audience []string `json:"audience"`
	Before   string   `json:"before"`
	After    string   `json:"after"`
	Local    string   `json:"local"`
	Itself   string   `json:"itself"`
	Rules    []string `json:"rules"`
	Refusal  string   `json:"refusal"`
	Own      int      `json:"own"`
}

// checkReviews gives a service account a token and a right, and asks who it is
// and what it may do: the server, and the server as it.
func checkReviews(ctx context.Context, config *rest.Config, namespace string) (any, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*limit)
	defer cancel()
	accounts := client.CoreV1().ServiceAccounts(namespace)
	if _, err := accounts.Create(ctx, &core.ServiceAccount{ObjectMeta: meta.ObjectMeta{Name: "robot"}}, meta.CreateOptions{}); err != nil {
		return nil, err
	}
	seen := reviewed{}
	token, err := seen.identity(ctx, client, namespace)
	if err != nil {
		return nil, err
	}
	if err := seen.rights(ctx, client, namespace); err != nil {
		return nil, err
	}

	robot := rest.AnonymousClientConfig(config)
	robot.BearerToken = token
	its, err := kubernetes.NewForConfig(robot)
	if err != nil {
		return nil, err
	}
	itself, err := its.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authentication.SelfSubjectReview{}, meta.CreateOptions{})
	if err != nil {
		return nil, err
	}
	seen.Itself = itself.Status.UserInfo.Username
	rules, err := its.AuthorizationV1().SelfSubjectRulesReviews().Create(ctx, &authorization.SelfSubjectRulesReview{
		Spec: authorization.SelfSubjectRulesReviewSpec{Namespace: namespace}}, meta.CreateOptions{})
	if err != nil {
		return nil, err
	}
	for _, rule := range rules.Status.ResourceRules {
		seen.Rules = append(seen.Rules, fmt.Sprintf("%v %v %v %v", rule.Verbs, rule.APIGroups, rule.Resources, rule.ResourceNames))
	}
	slices.Sort(seen.Rules)
	list, err := its.CoreV1().Secrets(namespace).List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, err
	}
	seen.Own = len(list.Items)
	_, err = its.CoreV1().ConfigMaps(namespace).List(ctx, meta.ListOptions{})
	if !apierrors.IsForbidden(err) {
		return nil, fmt.Errorf("want to be refused, have %v", err)
	}
	seen.Refusal = err.Error()
	return seen, nil
}

// identity has a token issued and reviewed.
func (seen *reviewed) identity(ctx context.Context, client kubernetes.Interface, namespace string) (string, error) {
	seconds := int64(600)
	issued, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, "robot",
		&authentication.TokenRequest{Spec: authentication.TokenRequestSpec{ExpirationSeconds: &seconds}}, meta.CreateOptions{})
	if err != nil {
		return "", err
	}
	if until := time.Until(issued.Status.ExpirationTimestamp.Time); until < 9*time.Minute || until > 11*time.Minute {
		return "", fmt.Errorf("a token for ten minutes expires in %s", until)
	}
	review := func(token string, audiences ...string) (*authentication.TokenReviewStatus, error) {
		review, err := client.AuthenticationV1().TokenReviews().Create(ctx, &authentication.TokenReview{
			Spec: authentication.TokenReviewSpec{Token: token, Audiences: audiences}}, meta.CreateOptions{})
		if err != nil {
			return nil, err
		}
		return &review.Status, nil
	}
	known, err := review(issued.Status.Token)
	if err != nil {
		return "", err
	}
	if !known.Authenticated {
		return "", fmt.Errorf("the token is not known: %s", known.Error)
	}
	seen.User, seen.Groups = known.User.Username, known.User.Groups
	for key := range known.User.Extra {
		seen.Extra = append(seen.Extra, key)
	}
	slices.Sort(seen.Extra)
	unknown, err := review("nothing")
	if err != nil {
		return "", err
	}
	if unknown.Authenticated {
		return "", fmt.Errorf("a token is known that nobody issued")
	}
	seen.Unknown = unknown.Error
	elsewhere, err := review(issued.Status.Token, "elsewhere")
	if err != nil {
		return "", err
	}
	if elsewhere.Authenticated {
		return "", fmt.Errorf("the token is good for another audience")
	}
	return issued.Status.Token, nil
}

// rights asks what the account may do, before it is given a right and after.
func (seen *reviewed) rights(ctx context.Context, client kubernetes.Interface, namespace string) error {
	question := authorization.SubjectAccessReviewSpec{
		User: seen.User, Groups: seen.Groups,
		ResourceAttributes: &authorization.ResourceAttributes{Namespace: namespace, Verb: "list", Resource: "secrets"},
	}
	ask := func() (authorization.SubjectAccessReviewStatus, error) {
		review, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx,
			&authorization.SubjectAccessReview{Spec: question}, meta.CreateOptions{})
		if err != nil {
			return authorization.SubjectAccessReviewStatus{}, err
		}
		return review.Status, nil
	}
	before, err := ask()
	if err != nil {
		return err
	}
	seen.Before = fmt.Sprintf("%t %t %s %s", before.Allowed, before.Denied, before.Reason, before.EvaluationError)
	rules := []rbac.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"list"}}}
	if _, err := client.RbacV1().Roles(namespace).Create(ctx, &rbac.Role{ObjectMeta: meta.ObjectMeta{Name: "reads"}, Rules: rules}, meta.CreateOptions{}); err != nil {
		return err
	}
	binding := &rbac.RoleBinding{
		ObjectMeta: meta.ObjectMeta{Name: "reads"},
		RoleRef:    rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "Role", Name: "reads"},
		Subjects:   []rbac.Subject{{Kind: rbac.ServiceAccountKind, Name: "robot", Namespace: namespace}},
	}
	if _, err := client.RbacV1().RoleBindings(namespace).Create(ctx, binding, meta.CreateOptions{}); err != nil {
		return err
	}
	for {
		after, err := ask()
		if err != nil {
			return err
		}
		if after.Allowed {
			seen.After = after.Reason
			break
		}
		time.Sleep(between)
	}
	local, err := client.AuthorizationV1().LocalSubjectAccessReviews(namespace).Create(ctx,
		&authorization.LocalSubjectAccessReview{ObjectMeta: meta.ObjectMeta{Namespace: namespace}, Spec: question}, meta.CreateOptions{})
	if err != nil {
		return err
	}
	seen.Local = fmt.Sprintf("%t %s", local.Status.Allowed, local.Status.Reason)
	return nil
}
