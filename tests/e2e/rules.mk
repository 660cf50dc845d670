# Tests against a real control plane; see tests/e2e/README.md. They build what they need by Go.

e2e: $(PROGRAMS) $(BUILD)/demo/load ## the tests against a real kube-apiserver (RUN=REGEXP: some; KEEP=1: stays)
	@BUILD=$(BUILD) RUN='$(RUN)' KEEP='$(KEEP)' tests/e2e/run
