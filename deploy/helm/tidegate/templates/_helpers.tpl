{{- define "tidegate.name" -}}
{{- printf "%s-%s" .Release.Name .role | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "tidegate.labels" -}}
app.kubernetes.io/name: tidegate
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{/* Everything of a pod but its role's container ports, probes and lifecycle. */}}
{{- define "tidegate.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
env:
  - name: REDIS_URL
    valueFrom:
      secretKeyRef:
        name: {{ .Values.redis.secretName }}
        key: {{ .Values.redis.secretKey }}
  - name: TIDEGATE_NODE
    valueFrom:
      fieldRef: { fieldPath: metadata.name }
  - name: TIDEGATE_ADMIN_HOST
    value: '0.0.0.0'
{{- range $name, $value := merge (dict) .own.settings .Values.settings }}
  - name: {{ $name }}
    value: {{ $value | quote }}
{{- end }}
{{- with .Values.settingsFrom }}
envFrom:
{{- range . }}
  - secretRef: { name: {{ . }} }
{{- end }}
{{- end }}
resources: {{- toYaml .own.resources | nindent 2 }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
{{- if .Values.config }}
  - name: config
    mountPath: /app/tidegate.config.ts
    subPath: tidegate.config.ts
{{- end }}
{{- end -}}

{{- define "tidegate.pod" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  seccompProfile: { type: RuntimeDefault }
automountServiceAccountToken: false
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "tidegate.labels" . | nindent 8 }}
volumes:
  - name: tmp
    emptyDir: {}
{{- if .Values.config }}
  - name: config
    configMap: { name: {{ .Release.Name }}-config }
{{- end }}
{{- end -}}
