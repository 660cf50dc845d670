{{/*
The agent's security context: NET_ADMIN joins the capabilities that it has where packets are
counted, which network_…_bytes and …_packets need and no other metric (drops and TCP neither).
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
{{- with .Values.agent.metrics }}{{ $metrics = join "," . }}{{ end }}
{{- $packets := regexMatch "(^|,)(all|network_(receive|transmit)_(bytes|packets))(,|$)" $metrics }}
{{- if and $packets (ne $source "files") $capabilities.add }}
{{- $_ := set $capabilities "add" (append $capabilities.add "NET_ADMIN" | uniq) }}
{{- end }}
{{- toYaml $context }}
{{- end }}
