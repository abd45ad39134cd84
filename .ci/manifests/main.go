// Command manifests checks Kubernetes manifests as far as that goes without a cluster: every
// field is one that the API has, of its type, and what must be there is.
package main

import (
	"fmt"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

func main() {
	bad := false
	for _, name := range os.Args[1:] {
		if err := check(name); err != nil {
			fmt.Fprintf(os.Stderr, "manifests: %s: %v\n", name, err)
			bad = true
		}
	}
	if bad || len(os.Args) == 1 {
		os.Exit(1)
	}
}

// check reads a file strictly, as the object that it says it is.
func check(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var kind v1.TypeMeta
	if err := yaml.Unmarshal(text, &kind); err != nil {
		return err
	}
	switch kind.APIVersion + " " + kind.Kind {
	case "apps/v1 Deployment":
		var d appsv1.Deployment
		if err := yaml.UnmarshalStrict(text, &d); err != nil {
			return err
		}
		for k, v := range d.Spec.Selector.MatchLabels {
			if d.Spec.Template.Labels[k] != v {
				return fmt.Errorf("the selector %s=%s is not a label of the pods", k, v)
			}
		}
		return pods(d.Name, &d.Spec.Template.Spec)
	case "batch/v1 Job":
		var j batchv1.Job
		if err := yaml.UnmarshalStrict(text, &j); err != nil {
			return err
		}
		if p := j.Spec.Template.Spec.RestartPolicy; p != corev1.RestartPolicyNever && p != corev1.RestartPolicyOnFailure {
			return fmt.Errorf("a Job cannot have the restart policy %q", p)
		}
		return pods(j.Name, &j.Spec.Template.Spec)
	}
	return fmt.Errorf("nothing here checks %s %s", kind.APIVersion, kind.Kind)
}

// pods checks what ties the parts of a pod together.
func pods(name string, p *corev1.PodSpec) error {
	if wrong := validation.IsDNS1123Subdomain(name); wrong != nil {
		return fmt.Errorf("the name %q: %v", name, wrong)
	}
	volumes := map[string]bool{}
	for _, v := range p.Volumes {
		volumes[v.Name] = false
	}
	for _, c := range p.Containers {
		for _, m := range c.VolumeMounts {
			if _, known := volumes[m.Name]; !known {
				return fmt.Errorf("the container %s mounts %q, which is no volume", c.Name, m.Name)
			}
			volumes[m.Name] = true
		}
		for what, limit := range c.Resources.Limits {
			if asked := c.Resources.Requests[what]; asked.Cmp(limit) > 0 {
				return fmt.Errorf("the container %s asks for more %s than its limit", c.Name, what)
			}
		}
	}
	for v, mounted := range volumes {
		if !mounted {
			return fmt.Errorf("the volume %s is not mounted", v)
		}
	}
	return nil
}
