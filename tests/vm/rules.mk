# Tests that need a machine of their own: every tests/vm/guest_*.c runs in a VM with each kernel; a
# kernel is booted once for all of them. GUEST=NAMES: of the guests these alone.
# VM_KERNELS: Debian's kernel packages; what can't be downloaded is skipped, with its reason. On
# Debian 12 these three are 6.1, 6.12 (multi-generational LRU) and 7.3 (rstat trees of each controller).

VM_KERNELS    ?= linux-image-amd64 linux-image-6.12-amd64 linux-image-amd64@trixie-backports
GUEST_TESTS   := $(patsubst tests/vm/%.c,%,$(wildcard tests/vm/guest_*.c))
GUEST_SHARED  := $(BUILD)/tests/vm/guest.o $(BUILD)/tests/vm/loads.o
GUEST_OBJECTS := $(GUEST_TESTS:%=$(BUILD)/tests/vm/%.o) $(GUEST_SHARED)
GUESTS        := $(GUEST_TESTS:%=$(BUILD)/tests/vm/%)
GUEST         ?= $(GUEST_TESTS)
# Unit tests whose programs must load, and count right, on each of the kernels; whatever GUEST says.
VM_UNITS      ?= test_signal_network test_signal_tcp
VM_UNIT_TESTS := $(VM_UNITS:%=$(BUILD)/tests/unit/agent/%)
VM_FOLDERS    := $(VM_KERNELS:%=$(BUILD)/tests/vm/%)
VM_TESTS      := $(foreach folder,$(VM_FOLDERS),$(GUEST:%=$(folder)/%) $(VM_UNITS:%=$(folder)/%))

vm: $(VM_TESTS) $(GUESTS) $(VM_UNIT_TESTS) $(BUILD)/tacho-agent ## the tests in VMs with a whole cgroup v2 tree alone (VM_KERNELS: Debian packages)
	@for folder in $(VM_FOLDERS); do \
		rm -f $$folder/*.output $$folder/*.status; \
		RESULTS_IN=$$folder tests/vm/run $(ROOT)/vm/$${folder##*/} $(GUEST:%=$(BUILD)/tests/vm/%) $(VM_UNIT_TESTS); \
	done; tests/run $(VM_TESTS)

$(GUEST_OBJECTS): $(PROTO_GEN:.c=.h) | $(BPF_SKELS)
$(GUESTS): %: %.o $(GUEST_SHARED) $(LIB_AGENT) $(LIB_BASE)
	@echo '  LINK     $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(TEST_LIBS)

# What tests/run calls: says what the guest's program said in the VM, and ends as it did.
$(VM_TESTS): tests/vm/rules.mk
	@mkdir -p $(@D)
	@printf '#!/bin/sh\ncat %s.output && exit "$$(cat %s.status)"\n' $@ $@ > $@ && chmod +x $@

-include $(GUEST_OBJECTS:.o=.d)
