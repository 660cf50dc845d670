{{/*
The agent's security context: NET_ADMIN joins the capabilities that it has where packets are
counted, which is what a metric of the network needs and no other one.
*/}}
{{- define "tacho.agent.securityContext" -}}
{{- $context := deepCopy .Values.agent.securityContext }}
{{- $capabilities := $context.capabilities | default dict }}
{{- $metrics := "all" }}
{{- $source := "auto" }}
{{- range concat .Values.agent.defaultArgs .Values.agent.args }}
{{- if hasPrefix "--metrics=" . }}{{ $metrics = trimPrefix "--metrics=" . }}{{ end }}
{{- if hasPrefix "--source=" . }}{{ $source = trimPrefix "--source=" . }}{{ end }}
{{- end }}
{{- $packets := or (has "all" (splitList "," $metrics)) (contains "network_" $metrics) }}
{{- if and $packets (ne $source "files") $capabilities.add }}
{{- $_ := set $capabilities "add" (append $capabilities.add "NET_ADMIN" | uniq) }}
{{- end }}
{{- toYaml $context }}
{{- end }}
