{{/*
The aggregator's resources: what `nodes` nodes of some 30 pods need (docs/scaling.md), and over it
what `resources` says. With `nodes: 0` only that.
*/}}
{{- define "tacho.aggregator.resources" -}}
{{- $nodes := int .Values.nodes }}
{{- $sized := dict }}
{{- if gt $nodes 0 }}
{{- $cpu := add 40 (div $nodes 10) }}
{{- $memory := add 40 (div (mul $nodes 68) 1024) }}
{{- $sized = dict "requests" (dict "cpu" (printf "%dm" $cpu) "memory" (printf "%dMi" $memory)) }}
{{- end }}
{{- mergeOverwrite $sized (deepCopy (default dict .Values.resources)) | toYaml }}
{{- end }}
