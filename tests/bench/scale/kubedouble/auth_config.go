package kubedouble

import (
	"encoding/json"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	authConfigName    = "extension-apiserver-authentication"
	authConfigVersion = "900" // older than all of the world; it never changes
	frontProxyName    = "front-proxy-client"
)

func (s *Server) authConfig() *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Name: authConfigName, Namespace: "kube-system", ResourceVersion: authConfigVersion,
			UID: "0c1d6f9e-8a55-4f0e-9a0c-4c1b6a5c5d11",
		},
		Data: map[string]string{
			"client-ca-file":                     string(s.clientCA.PEM),
			"requestheader-allowed-names":        `["` + frontProxyName + `"]`,
			"requestheader-client-ca-file":       string(s.proxyCA.PEM),
			"requestheader-extra-headers-prefix": `["X-Remote-Extra-"]`,
			"requestheader-group-headers":        `["X-Remote-Group"]`,
			"requestheader-uid-headers":          `["X-Remote-Uid"]`,
			"requestheader-username-headers":     `["X-Remote-User"]`,
		},
	}
}

func (s *Server) authConfigHandler(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	watch := flag(query, "watch")
	kind := AuthConfigLists
	if watch {
		kind = AuthConfigWatchs
	}
	leave, proceed := s.desk.enter(kind, w, r)
	defer leave()
	if !proceed {
		return
	}
	if query.Get("fieldSelector") != "metadata.name="+authConfigName {
		refuse(w, r, http.StatusForbidden, metav1.StatusReasonForbidden,
			`configmaps is forbidden: that one alone may be read`, 0)
		return
	}
	if !watch {
		answerJSON(w, http.StatusOK, &corev1.ConfigMapList{
			TypeMeta: metav1.TypeMeta{Kind: "ConfigMapList", APIVersion: "v1"},
			ListMeta: metav1.ListMeta{ResourceVersion: authConfigVersion},
			Items:    []corev1.ConfigMap{*s.authConfig()},
		})
		return
	}
	s.watchAuthConfig(w, r)
}

// watchAuthConfig has no events but bookmarks: the ConfigMap does not change.
func (s *Server) watchAuthConfig(w http.ResponseWriter, r *http.Request) {
	q, err := readTimeout(r)
	if err != nil {
		refuse(w, r, http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error(), 0)
		return
	}
	w.Header().Set("Content-Type", "application/json;stream=watch")
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	end := time.NewTimer(q)
	defer end.Stop()
	tick := time.NewTicker(s.options.Bookmarks)
	defer tick.Stop()
	for {
		select {
		case <-end.C:
			return
		case <-r.Context().Done():
			return
		case <-s.ending:
			return
		case <-tick.C:
			mark := &corev1.ConfigMap{TypeMeta: metav1.TypeMeta{Kind: "ConfigMap", APIVersion: "v1"}}
			mark.ResourceVersion = authConfigVersion
			if json.NewEncoder(w).Encode(map[string]any{"type": "BOOKMARK", "object": mark}) != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
	}
}

func readTimeout(r *http.Request) (time.Duration, error) {
	seconds, err := number(r.URL.Query(), "timeoutSeconds")
	if seconds == 0 || seconds > 1<<20 {
		seconds = 3600
	}
	return time.Duration(seconds) * time.Second, err
}
