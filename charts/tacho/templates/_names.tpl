{{/* Names, labels and images: the same words in every template. */}}

{{- define "tacho.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* At most 40 characters, so that what is appended still makes a DNS label. */}}
{{- define "tacho.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "tacho.aggregator" -}}
{{ include "tacho.fullname" . }}-aggregator
{{- end }}

{{- define "tacho.agent" -}}
{{ include "tacho.fullname" . }}-agent
{{- end }}

{{/* The headless Service that agents connect to. */}}
{{- define "tacho.agents" -}}
{{ include "tacho.fullname" . }}-agents
{{- end }}

{{- define "tacho.aggregator.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "tacho.aggregator" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "tacho.agent.serviceAccount" -}}
{{- if .Values.agent.serviceAccount.create }}
{{- default (include "tacho.agent" .) .Values.agent.serviceAccount.name }}
{{- else }}
{{- required "agent.serviceAccount.name: the aggregator believes one service account only, and no other pod should have it" .Values.agent.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* dict "root" $ "component" "aggregator" */}}
{{- define "tacho.selectorLabels" -}}
app.kubernetes.io/name: {{ include "tacho.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "tacho.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "tacho.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: tacho
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* dict "root" $ "image" .Values.image */}}
{{- define "tacho.image" -}}
{{ printf "%s:%s" .image.repository (default .root.Chart.AppVersion .image.tag) }}
{{- end }}
