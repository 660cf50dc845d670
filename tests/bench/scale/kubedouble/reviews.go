package kubedouble

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tacho.test/bench/scale/token"
)

const maxQuestion = 1 << 20

// read takes the body of a review apart; false when it was refused.
func readReview(w http.ResponseWriter, r *http.Request, into any) bool {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxQuestion))
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		refuse(w, r, http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error(), 0)
	}
	return err == nil
}

func common(all []string, with []string) []string {
	var both []string
	for _, one := range with {
		if slices.Contains(all, one) {
			both = append(both, one)
		}
	}
	return both
}

// judge says whose token it is. The pod that it is bound to must be there.
func (s *Server) judge(spec authenticationv1.TokenReviewSpec, now time.Time) (
	status authenticationv1.TokenReviewStatus, err error,
) {
	claims, err := token.Read(spec.Token)
	if err != nil {
		return status, fmt.Errorf("invalid bearer token: %w", err)
	}
	audiences := claims.Audience
	if len(spec.Audiences) > 0 {
		audiences = common(claims.Audience, spec.Audiences)
	}
	bound := claims.Kubernetes
	switch {
	case now.Unix() >= claims.Expires:
		return status, fmt.Errorf("token has expired")
	case len(audiences) == 0:
		return status, fmt.Errorf("token audiences %q is invalid for the target audiences %q",
			claims.Audience, spec.Audiences)
	case bound.Pod != nil && !s.hasPod(bound.Namespace, bound.Pod):
		return status, fmt.Errorf("service account token has been invalidated")
	}
	status.Authenticated = true
	status.Audiences = audiences
	status.User = authenticationv1.UserInfo{
		Username: "system:serviceaccount:" + bound.Namespace + ":" + bound.ServiceAccount.Name,
		UID:      bound.ServiceAccount.UID,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + bound.Namespace,
			"system:authenticated"},
		Extra: extraOf(claims),
	}
	return status, nil
}

func (s *Server) hasPod(namespace string, pod *token.Object) bool {
	found := s.world.Pod(namespace, pod.Name)
	return found != nil && found.UID == pod.UID
}

func extraOf(claims *token.Claims) map[string]authenticationv1.ExtraValue {
	extra := map[string]authenticationv1.ExtraValue{
		"authentication.kubernetes.io/credential-id": {"JTI=" + claims.ID},
	}
	add := func(kind string, object *token.Object) {
		if object != nil {
			extra["authentication.kubernetes.io/"+kind+"-name"] = []string{object.Name}
			extra["authentication.kubernetes.io/"+kind+"-uid"] = []string{object.UID}
		}
	}
	add("node", claims.Kubernetes.Node)
	add("pod", claims.Kubernetes.Pod)
	return extra
}

func (s *Server) tokenReview(w http.ResponseWriter, r *http.Request) {
	leave, proceed := s.desk.enter(TokenReviews, w, r)
	defer leave()
	var review authenticationv1.TokenReview
	if !proceed || !readReview(w, r, &review) {
		return
	}
	status, err := s.judge(review.Spec, time.Now())
	if err != nil {
		status.Error = "[" + err.Error() + "]"
	}
	review.Status = status
	review.TypeMeta = metav1.TypeMeta{Kind: "TokenReview", APIVersion: "authentication.k8s.io/v1"}
	answerJSON(w, http.StatusCreated, &review)
}

// Deny has access reviews of these users refused; "*" is everybody. None is the beginning.
func (s *Server) Deny(users ...string) {
	users = slices.Clone(users)
	s.denied.Store(&users)
}

func (s *Server) accessReview(w http.ResponseWriter, r *http.Request) {
	leave, proceed := s.desk.enter(AccessReviews, w, r)
	defer leave()
	var review authorizationv1.SubjectAccessReview
	if !proceed || !readReview(w, r, &review) {
		return
	}
	users := *s.denied.Load()
	denied := slices.Contains(users, review.Spec.User) || slices.Contains(users, "*")
	review.TypeMeta = metav1.TypeMeta{Kind: "SubjectAccessReview", APIVersion: "authorization.k8s.io/v1"}
	review.Status = authorizationv1.SubjectAccessReviewStatus{Allowed: !denied}
	if !denied {
		review.Status.Reason = "the double allows it"
	}
	answerJSON(w, http.StatusCreated, &review)
}
