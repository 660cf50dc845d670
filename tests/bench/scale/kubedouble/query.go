package kubedouble

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// question is what a list or watch of pods or nodes asks for.
type question struct {
	watch, bookmarks, initial bool
	selector                  labels.Selector
	version                   uint64
	newest                    bool // no version is given
	exact                     bool
	limit                     int
	from                      *place
	timeout                   time.Duration
}

// place is where a page begins: a continue token, as etcd's.
type place struct {
	API     string `json:"v"`
	Version uint64 `json:"rv"`
	Start   string `json:"start"` // the first key of the page: "NAMESPACE/NAME"
}

func (p place) token() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // texts and a number
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func placeOf(token string) (*place, error) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	at := &place{}
	if err == nil {
		err = json.Unmarshal(text, at)
	}
	if err != nil || at.API != metaVersion || at.Version == 0 {
		return nil, errors.New("continue key is not valid")
	}
	return at, nil
}

func number(values url.Values, key string) (uint64, error) {
	text := values.Get(key)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is no number", key, text)
	}
	return n, nil
}

func flag(values url.Values, key string) bool {
	text := values.Get(key)
	return values.Has(key) && text != "false" && text != "0"
}

// All pods of a world are running: the one selector of fields changes nothing.
func checkFields(values url.Values, pods bool) error {
	fields := values.Get("fieldSelector")
	if fields == "" || (pods && fields == "status.phase=Running") {
		return nil
	}
	return fmt.Errorf("the double knows no field selector %q here", fields)
}

func checkMatch(values url.Values, q *question) error {
	match := values.Get("resourceVersionMatch")
	known := match == "" || match == string(metav1.ResourceVersionMatchExact) ||
		match == string(metav1.ResourceVersionMatchNotOlderThan)
	switch {
	case !known:
		return fmt.Errorf("resourceVersionMatch: Unsupported value: %q", match)
	case q.initial && !q.watch:
		return errors.New("sendInitialEvents is forbidden for list")
	case q.initial && match != string(metav1.ResourceVersionMatchNotOlderThan):
		return errors.New("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
	case q.watch && !q.initial && match != "":
		return errors.New("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
	case !q.watch && match != "" && q.newest:
		return errors.New("resourceVersionMatch is forbidden unless resourceVersion is provided")
	case q.from != nil && (match != "" || !q.newest):
		return errors.New("specifying resource version is not allowed when using continue")
	}
	q.exact = match == string(metav1.ResourceVersionMatchExact)
	return nil
}

func readQuestion(values url.Values, pods bool) (q *question, err error) {
	q = &question{
		watch:     flag(values, "watch"),
		bookmarks: flag(values, "allowWatchBookmarks"),
		initial:   flag(values, "sendInitialEvents"),
		newest:    values.Get("resourceVersion") == "",
	}
	var limit, seconds uint64
	var e1, e2, e3, e4, e5 error
	q.version, e1 = number(values, "resourceVersion")
	limit, e2 = number(values, "limit")
	seconds, e3 = number(values, "timeoutSeconds")
	q.selector, e4 = labels.Parse(values.Get("labelSelector"))
	if token := values.Get("continue"); token != "" {
		q.from, e5 = placeOf(token)
	}
	q.limit = int(min(limit, 1<<30))
	q.timeout = time.Duration(cmp.Or(min(seconds, 1<<20), 3600)) * time.Second
	if err := errors.Join(e1, e2, e3, e4, e5); err != nil {
		return nil, err
	}
	if err := checkFields(values, pods); err != nil {
		return nil, err
	}
	return q, checkMatch(values, q)
}
