package kubelet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"tacho.test/e2e/shim/spec"
)

// payload is what stands in a volume: by path, text and mode.
type payload map[string]file

type file struct {
	text []byte
	mode os.FileMode
}

func (w *worker) volumeFolder(name string) string { return filepath.Join(w.folder, "volumes", name) }

// fillVolumes lays out all volumes; files that have changed are exchanged together, as a kubelet
// does it: the files are links through ..data, which is renamed over.
func (w *worker) fillVolumes() error {
	w.refreshed = time.Now()
	for i := range w.pod.Spec.Volumes {
		volume := &w.pod.Spec.Volumes[i]
		if volume.HostPath != nil {
			continue
		}
		if err := w.fillVolume(volume); err != nil {
			return fmt.Errorf("volume %s: %w", volume.Name, err)
		}
	}
	return nil
}

func (w *worker) fillVolume(volume *v1.Volume) error {
	folder := w.volumeFolder(volume.Name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	content := payload{}
	var err error
	switch {
	case volume.EmptyDir != nil:
		return w.shareEmptyDir(folder)
	case volume.Secret != nil:
		err = w.addSecret(content, volume.Secret.SecretName, volume.Secret.Items,
			volume.Secret.DefaultMode, volume.Secret.Optional)
	case volume.ConfigMap != nil:
		err = w.addConfigMap(content, volume.ConfigMap.Name, volume.ConfigMap.Items,
			volume.ConfigMap.DefaultMode, volume.ConfigMap.Optional)
	case volume.DownwardAPI != nil:
		err = w.addFields(content, volume.DownwardAPI.Items, volume.DownwardAPI.DefaultMode)
	case volume.Projected != nil:
		err = w.addProjected(content, volume.Projected)
	default:
		return errors.New("the test kubelet does not know its kind")
	}
	if err != nil {
		return err
	}
	return w.write(folder, content)
}

func (w *worker) addProjected(content payload, projected *v1.ProjectedVolumeSource) (err error) {
	for _, source := range projected.Sources {
		switch {
		case source.ServiceAccountToken != nil:
			err = w.addToken(content, source.ServiceAccountToken)
		case source.Secret != nil:
			err = w.addSecret(content, source.Secret.Name, source.Secret.Items,
				projected.DefaultMode, source.Secret.Optional)
		case source.ConfigMap != nil:
			err = w.addConfigMap(content, source.ConfigMap.Name, source.ConfigMap.Items,
				projected.DefaultMode, source.ConfigMap.Optional)
		case source.DownwardAPI != nil:
			err = w.addFields(content, source.DownwardAPI.Items, projected.DefaultMode)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) addSecret(content payload, name string, items []v1.KeyToPath, mode *int32, optional *bool) error {
	object, err := w.k.secrets.Secrets(w.namespace).Get(name)
	if err != nil {
		return missing(err, optional)
	}
	return addItems(content, object.Data, items, mode)
}

func (w *worker) addConfigMap(content payload, name string, items []v1.KeyToPath, mode *int32, optional *bool) error {
	object, err := w.k.configMaps.ConfigMaps(w.namespace).Get(name)
	if err != nil {
		return missing(err, optional)
	}
	data := map[string][]byte{}
	for key, value := range object.Data {
		data[key] = []byte(value)
	}
	return addItems(content, data, items, mode)
}

func missing(err error, optional *bool) error {
	if apierrors.IsNotFound(err) && optional != nil && *optional {
		return nil
	}
	return err
}

func addItems(content payload, data map[string][]byte, items []v1.KeyToPath, mode *int32) error {
	if len(items) == 0 {
		for key, value := range data {
			content[key] = file{value, fileMode(mode, nil)}
		}
	}
	for _, item := range items {
		value, there := data[item.Key]
		if !there {
			return fmt.Errorf("there is no key %s", item.Key)
		}
		content[item.Path] = file{value, fileMode(mode, item.Mode)}
	}
	return nil
}

func fileMode(general, own *int32) os.FileMode {
	for _, mode := range []*int32{own, general} {
		if mode != nil {
			return os.FileMode(*mode)
		}
	}
	return 0o644
}

func (w *worker) addFields(content payload, items []v1.DownwardAPIVolumeFile, mode *int32) error {
	for _, item := range items {
		if item.FieldRef == nil {
			return errors.New("the test kubelet knows no resource fields in files")
		}
		value, err := w.field(item.FieldRef.FieldPath)
		if err != nil {
			return err
		}
		content[item.Path] = file{[]byte(value), fileMode(mode, item.Mode)}
	}
	return nil
}

// group is the pod's fsGroup, to which a kubelet gives the files; -1 if there is none.
func (w *worker) group() int {
	if security := w.pod.Spec.SecurityContext; security != nil && security.FSGroup != nil {
		return int(*security.FSGroup)
	}
	return -1
}

func (w *worker) shareEmptyDir(folder string) error {
	if group := w.group(); group >= 0 {
		if err := os.Chown(folder, -1, group); err != nil {
			return err
		}
	}
	return os.Chmod(folder, 0o777)
}

func (w *worker) write(folder string, content payload) error {
	if same(folder, content) {
		return nil
	}
	fresh, err := os.MkdirTemp(folder, "..fresh-")
	if err != nil {
		return err
	}
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	for path, file := range content {
		if err := w.writeFile(filepath.Join(fresh, path), file); err != nil {
			return err
		}
	}
	old, _ := os.Readlink(filepath.Join(folder, "..data"))
	link := filepath.Join(folder, "..data_tmp")
	if err := os.Symlink(filepath.Base(fresh), link); err != nil {
		return err
	}
	if err := os.Rename(link, filepath.Join(folder, "..data")); err != nil {
		return err
	}
	for path := range content {
		top, _, _ := strings.Cut(path, "/")
		err := os.Symlink(filepath.Join("..data", top), filepath.Join(folder, top))
		if err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	if old != "" {
		return os.RemoveAll(filepath.Join(folder, old))
	}
	return nil
}

func (w *worker) writeFile(path string, file file) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	mode := file.mode
	if w.group() >= 0 {
		mode |= 0o440
	}
	if err := os.WriteFile(path, file.text, mode); err != nil {
		return err
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		return err
	}
	return os.Chown(path, -1, w.group())
}

func same(folder string, content payload) bool {
	if _, err := os.Stat(filepath.Join(folder, "..data")); err != nil {
		return false
	}
	for path, file := range content {
		text, err := os.ReadFile(filepath.Join(folder, "..data", path))
		if err != nil || string(text) != string(file.text) {
			return false
		}
	}
	return true
}

// volumeMounts are the container's, with the node's own folders in the place of the host's.
func (c *container) volumeMounts() ([]spec.Mount, error) {
	var mounts []spec.Mount
	for _, mount := range c.spec.VolumeMounts {
		source := c.w.volumeFolder(mount.Name)
		for _, volume := range c.w.pod.Spec.Volumes {
			if volume.Name == mount.Name && volume.HostPath != nil {
				source = c.w.node.hostPath(volume.HostPath.Path)
			}
		}
		source = filepath.Join(source, mount.SubPath)
		if _, err := os.Stat(source); err != nil {
			return nil, fmt.Errorf("volume %s: %w", mount.Name, err)
		}
		mounts = append(mounts, spec.Mount{Source: source, Target: mount.MountPath, ReadOnly: mount.ReadOnly,
			Recursive: mount.RecursiveReadOnly != nil && *mount.RecursiveReadOnly != v1.RecursiveReadOnlyDisabled})
	}
	return mounts, nil
}

// hostPath of a node: it has a /var/log of its own.
func (n *node) hostPath(path string) string {
	if path == "/var/log" || strings.HasPrefix(path, "/var/log/") {
		return filepath.Join(n.folder, path)
	}
	return path
}
