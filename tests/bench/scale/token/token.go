// Package token makes service-account tokens as kube-apiserver does, but for their signature, and
// reads them. Who verifies signatures refuses them; kubedouble verifies none.
package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Issuer of all tokens.
const Issuer = "https://kubernetes.default.svc.cluster.local"

// Audience of an agent's token, by default.
const Audience = "tacho-aggregator"

// Kubernetes' own are signed with RSA: 256 bytes, 342 digits.
const signatureBytes = 256

// Object is what a token is bound to.
type Object struct {
	Name string `json:"name"`
	UID  string `json:"uid,omitempty"`
}

// Bound is the claim "kubernetes.io".
type Bound struct {
	Namespace      string  `json:"namespace"`
	Node           *Object `json:"node,omitempty"`
	Pod            *Object `json:"pod,omitempty"`
	ServiceAccount Object  `json:"serviceaccount"`
}

// Claims is the payload. Times are seconds since 1970.
type Claims struct {
	Audience   []string `json:"aud"`
	Expires    int64    `json:"exp"`
	IssuedAt   int64    `json:"iat"`
	Issuer     string   `json:"iss"`
	ID         string   `json:"jti"`
	Kubernetes Bound    `json:"kubernetes.io"`
	NotBefore  int64    `json:"nbf"`
	Subject    string   `json:"sub"`
}

// New is what a kubelet would have got for a pod of the service account; pod and node may be nil.
// The same arguments give the same claims.
func New(namespace, account string, pod, node *Object, issued time.Time, life time.Duration) *Claims {
	id := "none"
	if node != nil {
		id = node.Name
	}
	return &Claims{
		Audience: []string{Audience},
		Expires:  issued.Add(life).Unix(),
		IssuedAt: issued.Unix(),
		Issuer:   Issuer,
		ID:       id + "-" + issued.UTC().Format("20060102T150405"),
		Kubernetes: Bound{
			Namespace:      namespace,
			Node:           node,
			Pod:            pod,
			ServiceAccount: Object{Name: account, UID: "7f4f9a3e-4d3c-4d55-9a43-1d5f7b1f9c10"},
		},
		NotBefore: issued.Unix(),
		Subject:   "system:serviceaccount:" + namespace + ":" + account,
	}
}

// Sign makes the token. What stands for its signature verifies nowhere.
func (c *Claims) Sign() string {
	payload, err := json.Marshal(c)
	if err != nil {
		panic(err) // texts and numbers alone
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","kid":"world"}`)) + "." + encode(payload) + "." +
		encode(make([]byte, signatureBytes))
}

// Read is the payload of a token, whose signature is not looked at.
func Read(text string) (*Claims, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, errors.New("it has not three parts")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	claims := &Claims{}
	if err := json.Unmarshal(payload, claims); err != nil {
		return nil, err
	}
	return claims, nil
}
