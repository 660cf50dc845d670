{{/* Who serves custom.metrics.k8s.io already, "namespace/service": empty when that is nobody or this
     release. One version of another's is enough, since a group has one owner. Of a cluster that
     helm does not ask (helm template) nothing is known. */}}
{{- define "tacho.customMetrics.owner" -}}
{{- $owner := "" }}
{{- range list "v1beta1" "v1beta2" }}
{{- $is := lookup "apiregistration.k8s.io/v1" "APIService" "" (printf "%s.custom.metrics.k8s.io" .) | default dict }}
{{- $service := dig "spec" "service" dict $is | default dict }}
{{- if and $is (not (and (eq ($service.name | default "") (include "tacho.aggregator" $)) (eq ($service.namespace | default "") $.Release.Namespace))) }}
{{- $owner = printf "%s/%s" ($service.namespace | default "-") ($service.name | default "kube-apiserver") }}
{{- end }}
{{- end }}
{{- $owner }}
{{- end }}

{{/* For the notes: why custom.metrics.k8s.io is not served by this release though it was wanted. */}}
{{- define "tacho.customMetrics.clash" -}}
{{- $owner := include "tacho.customMetrics.owner" . }}
{{- if and $owner .Values.apiService.create .Values.customMetrics.enabled }}

custom.metrics.k8s.io is served by {{ $owner }} and was left to it: only one can have it. To
give it to this release, take its APIServices from the other and run helm upgrade once more
(docs/custom-metrics.md); to be told no more, set customMetrics.enabled=false.
{{- end }}
{{- end }}
