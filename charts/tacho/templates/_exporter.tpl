{{/* The agents' own /metrics: whose certificate, and who may ask. */}}

{{/* "true" when it is served by TLS. */}}
{{- define "tacho.exporter.tls" -}}
{{- if and .Values.agent.exporter.enabled (not .Values.agent.exporter.insecure) }}true{{ end }}
{{- end }}

{{/* "true" when its certificates are made by this chart. */}}
{{- define "tacho.exporter.made" -}}
{{- if and (include "tacho.exporter.tls" .) (not .Values.agent.exporter.secretName) }}true{{ end }}
{{- end }}

{{/* Secret with tls.crt, tls.key and the ca.crt that Prometheus' certificate must come from. */}}
{{- define "tacho.exporter.secret" -}}
{{- if .Values.agent.exporter.secretName }}
{{- .Values.agent.exporter.secretName }}
{{- else if eq .Values.tls.type "existingSecret" }}
{{- fail "agent.exporter.secretName: the Secret that has tls.crt, tls.key and ca.crt for the agents' /metrics, or agent.exporter.insecure" }}
{{- else }}
{{- include "tacho.agent" . }}-metrics-tls
{{- end }}
{{- end }}

{{/* Secret with Prometheus' tls.crt and tls.key, and the ca.crt that the agents' certificate comes from. */}}
{{- define "tacho.exporter.clientSecret" -}}
{{- .Values.agent.exporter.clientSecretName | default (printf "%s-metrics-client" (include "tacho.agent" .)) }}
{{- end }}

{{/* In the agents' certificate: all have the same. */}}
{{- define "tacho.exporter.name" -}}
{{ include "tacho.agent" . }}-metrics.{{ .Release.Namespace }}.svc
{{- end }}
