{{/* Who signs the aggregator's certificate, and who is told. Agents and kube-apiserver trust the same CA. */}}

{{/* Secret with tls.crt and tls.key. */}}
{{- define "tacho.tls.secret" -}}
{{- if eq .Values.tls.type "existingSecret" }}
{{- required "tls.existingSecret.name: the Secret that has tls.crt and tls.key" .Values.tls.existingSecret.name }}
{{- else }}
{{- include "tacho.aggregator" . }}-tls
{{- end }}
{{- end }}

{{/* What the certificate is for: kube-apiserver verifies the first one, and so do agents. */}}
{{- define "tacho.tls.names" -}}
{{- $service := include "tacho.aggregator" . -}}
{{ $service }}.{{ .Release.Namespace }}.svc
{{ $service }}.{{ .Release.Namespace }}.svc.{{ .Values.tls.clusterDomain }}
{{ $service }}.{{ .Release.Namespace }}
{{- end }}

{{/*
tls.type=helm: the first call makes the certificate or takes the one that is there, and leaves it in
.Values.issued (ca, cert, key, made); every template of this rendering must see the same one. The
CA's key is not kept: a new certificate has a new CA, and the old CA stays trusted beside it until
the next one, so that who learns of the new one later is not cut off.
*/}}
{{- define "tacho.tls.issue" -}}
{{- if not (hasKey .Values "issued") }}
{{- $names := include "tacho.tls.names" . | splitList "\n" | concat list }}
{{- $days := int .Values.tls.helm.certDurationDays }}
{{- $generation := .Values.tls.helm.generation }}
{{- $generation = kindIs "string" $generation | ternary $generation (int64 $generation | toString) }}
{{- $meant := printf "%s/%s" $generation (join "," $names) | sha256sum | trunc 16 }}
{{- $now := now | unixEpoch }}
{{- $previous := dict }}
{{- if .Values.tls.helm.lookup }}
{{- $previous = lookup "v1" "Secret" .Release.Namespace (include "tacho.tls.secret" .) | default dict }}
{{- end }}
{{- $data := get $previous "data" | default dict }}
{{- $notes := dig "metadata" "annotations" dict $previous }}
{{- $old := get $data "ca.crt" | default "" | b64dec }}
{{- $age := sub (int64 $now) (int64 (get $notes "tacho/made" | default "0")) }}
{{- if and $old (hasKey $data "tls.crt") (hasKey $data "tls.key") (eq (get $notes "tacho/meant") $meant) (lt $age (mul $days 57600)) }}
{{- $_ := set .Values "issued" (dict "ca" $old "cert" (get $data "tls.crt" | b64dec) "key" (get $data "tls.key" | b64dec) "made" (get $notes "tacho/made") "meant" $meant) }}
{{- else }}
{{- $ca := genCAWithKey (printf "tacho-ca-%s" $now) $days (genPrivateKey "ecdsa") }}
{{- $leaf := genSignedCertWithKey "tacho-aggregator" nil $names $days $ca (genPrivateKey "ecdsa") }}
{{- $bundle := regexFind "(?s)-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----" $old | printf "%s%s" $ca.Cert }}
{{- $_ := set .Values "issued" (dict "ca" $bundle "cert" $leaf.Cert "key" $leaf.Key "made" $now "meant" $meant) }}
{{- end }}
{{- end }}
{{- end }}

{{/* PEM of the CA, where this rendering knows it; cert-manager injects it later. */}}
{{- define "tacho.tls.ca" -}}
{{- if eq .Values.tls.type "helm" }}
{{- include "tacho.tls.issue" . }}
{{- .Values.issued.ca }}
{{- else if .Values.apiService.caBundle }}
{{- .Values.apiService.caBundle }}
{{- else if and (eq .Values.tls.type "existingSecret") .Values.tls.existingSecret.lookup }}
{{- $secret := lookup "v1" "Secret" .Release.Namespace (include "tacho.tls.secret" .) | default dict }}
{{- dig "data" "ca.crt" "" $secret | b64dec }}
{{- end }}
{{- end }}

{{/* The Secret that lets agents know cert-manager's CA; see certificates/cert-manager.yaml. */}}
{{- define "tacho.tls.trustSecret" -}}
{{ include "tacho.agent" . }}-trust
{{- end }}

{{/* Where agents and Prometheus find the CA: "configMap NAME" or "secret NAME". */}}
{{- define "tacho.tls.trust" -}}
{{- if .Values.agent.caConfigMap }}
{{- printf "configMap %s" .Values.agent.caConfigMap }}
{{- else if and (eq .Values.tls.type "cert-manager") (not .Values.apiService.caBundle) }}
{{- printf "secret %s" (include "tacho.tls.trustSecret" .) }}
{{- else }}
{{- printf "configMap %s-ca" (include "tacho.fullname" .) }}
{{- end }}
{{- end }}
