package kubelet

import (
	"fmt"
	"slices"
	"strconv"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
	"tacho.test/e2e/cluster"
)

// environment is what the container's process finds, by name.
func (c *container) environment() (map[string]string, error) {
	found := map[string]string{
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME": c.w.name,
		"KUBERNETES_SERVICE_HOST": cluster.APIAddress, "KUBERNETES_SERVICE_PORT": "443",
		"KUBERNETES_SERVICE_PORT_HTTPS": "443",
	}
	for _, from := range c.spec.EnvFrom {
		values, err := c.w.valuesFrom(&from)
		if err != nil {
			return nil, err
		}
		for name, value := range values {
			found[from.Prefix+name] = value
		}
	}
	mapping := expansion.MappingFuncFor(found)
	for i := range c.spec.Env {
		value, err := c.value(&c.spec.Env[i])
		if err != nil {
			return nil, err
		}
		found[c.spec.Env[i].Name] = expansion.Expand(value, mapping)
	}
	return found, nil
}

func (w *worker) valuesFrom(from *v1.EnvFromSource) (map[string]string, error) {
	switch {
	case from.ConfigMapRef != nil:
		object, err := w.k.configMaps.ConfigMaps(w.namespace).Get(from.ConfigMapRef.Name)
		if err != nil {
			return nil, err
		}
		return object.Data, nil
	case from.SecretRef != nil:
		object, err := w.k.secrets.Secrets(w.namespace).Get(from.SecretRef.Name)
		if err != nil {
			return nil, err
		}
		values := map[string]string{}
		for name, value := range object.Data {
			values[name] = string(value)
		}
		return values, nil
	}
	return nil, nil
}

func (c *container) value(variable *v1.EnvVar) (string, error) {
	from := variable.ValueFrom
	switch {
	case from == nil:
		return variable.Value, nil
	case from.FieldRef != nil:
		return c.w.field(from.FieldRef.FieldPath)
	case from.ResourceFieldRef != nil:
		return resourceValue(c.spec, from.ResourceFieldRef)
	case from.SecretKeyRef != nil:
		object, err := c.w.k.secrets.Secrets(c.w.namespace).Get(from.SecretKeyRef.Name)
		if err != nil {
			return "", err
		}
		return string(object.Data[from.SecretKeyRef.Key]), nil
	case from.ConfigMapKeyRef != nil:
		object, err := c.w.k.configMaps.ConfigMaps(c.w.namespace).Get(from.ConfigMapKeyRef.Name)
		if err != nil {
			return "", err
		}
		return object.Data[from.ConfigMapKeyRef.Key], nil
	}
	return "", fmt.Errorf("variable %s has a source that the test kubelet does not know", variable.Name)
}

// field is a value of the downward API.
func (w *worker) field(path string) (string, error) {
	values := map[string]string{
		"metadata.name": w.name, "metadata.namespace": w.namespace, "metadata.uid": string(w.uid),
		"spec.nodeName": w.node.name, "spec.serviceAccountName": w.pod.Spec.ServiceAccountName,
		"status.podIP": w.address, "status.podIPs": w.address,
		"status.hostIP": w.node.address, "status.hostIPs": w.node.address,
	}
	if value, known := values[path]; known {
		return value, nil
	}
	var key string
	if _, err := fmt.Sscanf(path, "metadata.labels['%s", &key); err == nil {
		return w.pod.Labels[key[:len(key)-2]], nil
	}
	if _, err := fmt.Sscanf(path, "metadata.annotations['%s", &key); err == nil {
		return w.pod.Annotations[key[:len(key)-2]], nil
	}
	return "", fmt.Errorf("the test kubelet does not know the field %s", path)
}

// resourceValue is a limit or request; without a limit a kubelet gives the node's own size.
func resourceValue(container *v1.Container, from *v1.ResourceFieldSelector) (string, error) {
	resources := container.Resources
	quantity := resources.Limits.Cpu()
	switch from.Resource {
	case "limits.cpu":
	case "requests.cpu":
		quantity = resources.Requests.Cpu()
	case "limits.memory":
		quantity = resources.Limits.Memory()
	case "requests.memory":
		quantity = resources.Requests.Memory()
	default:
		return "", fmt.Errorf("the test kubelet does not know the resource %s", from.Resource)
	}
	divisor := from.Divisor
	if divisor.IsZero() {
		divisor.Set(1)
	}
	units := (quantity.MilliValue() + divisor.MilliValue() - 1) / divisor.MilliValue()
	return strconv.FormatInt(units, 10), nil
}

// arguments are command and args with $(VARIABLES) put in.
func (c *container) arguments(program string, environment map[string]string) []string {
	mapping := expansion.MappingFuncFor(environment)
	words := []string{program}
	if len(c.spec.Command) > 0 {
		words = slices.Clone(c.spec.Command)
	}
	for i, word := range append(words, c.spec.Args...) {
		if i < len(words) {
			words[i] = expansion.Expand(word, mapping)
		} else {
			words = append(words, expansion.Expand(word, mapping))
		}
	}
	return words
}

// list is the environment as a process takes it, with what the suite wants of sanitizers.
func (c *container) list(environment map[string]string) []string {
	words := slices.Clone(c.w.k.Environment)
	for name, value := range environment {
		words = append(words, name+"="+value)
	}
	return words
}
