package kubedouble

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What the package's users call, over HTTP, for who tries things by hand.

func (s *Server) countsHandler(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, http.StatusOK, s.Counts())
}

var (
	kindsByName = map[string][]Kind{
		"lists": Lists, "watches": Watches, "reviews": Reviews, "tokenreviews": {TokenReviews},
		"accessreviews": {AccessReviews}, "others": {Others},
	}
	howByName = map[string]How{"500": Answer500, "429": Answer429, "abort": Abort, "cut": Cut}
)

// readFault of "kind=lists&delay=100ms&rate=0.5&how=429&retry-after=2".
func readFault(r *http.Request) (fault Fault, kinds []Kind, err error) {
	query := r.URL.Query()
	kinds, known := kindsByName[query.Get("kind")]
	if !known {
		return fault, nil, fmt.Errorf("no kind %q", query.Get("kind"))
	}
	if text := query.Get("how"); text != "" {
		if fault.How, known = howByName[text]; !known {
			return fault, nil, fmt.Errorf("no fault %q", text)
		}
	}
	if text := query.Get("delay"); text != "" && err == nil {
		fault.Delay, err = time.ParseDuration(text)
	}
	if text := query.Get("rate"); text != "" && err == nil {
		fault.Rate, err = strconv.ParseFloat(text, 64)
	}
	if text := query.Get("retry-after"); text != "" && err == nil {
		fault.RetryAfter, err = strconv.Atoi(text)
	}
	return fault, kinds, err
}

func (s *Server) faultHandler(w http.ResponseWriter, r *http.Request) {
	fault, kinds, err := readFault(r)
	if err != nil {
		refuse(w, r, http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error(), 0)
		return
	}
	s.SetFault(fault, kinds...)
	answerJSON(w, http.StatusOK, fault)
}
