package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestProfiles(t *testing.T) {
	var said strings.Builder
	wait, err := profiles(t.Context(), ":0", nil, &said)
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSpace(strings.TrimPrefix(said.String(), "profiles on "))
	if !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Errorf("a port without a host is offered on %q", url)
	}
	resp, err := http.Get(url + "heap?debug=1")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || !strings.HasPrefix(string(body), "heap profile:") {
		t.Errorf("got %.60q, %v", body, err)
	}
	wait()
	if resp, err := http.Get(url); err == nil {
		_ = resp.Body.Close()
		t.Error("profiles are offered after the end")
	}
}

func TestProfilesNeedAnAddress(t *testing.T) {
	if wait, err := profiles(t.Context(), "", nil, io.Discard); err != nil {
		t.Error(err)
	} else {
		wait()
	}
	for _, address := range []string{"6060", "localhost:nowhere"} {
		if _, err := profiles(t.Context(), address, nil, io.Discard); err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
