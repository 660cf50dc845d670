# Tests that need a machine of their own: every tests/vm/guest_*.c runs in a VM, once with each kernel.
# VM_KERNELS: Debian's kernel packages; what can't be downloaded is skipped, with its reason. On
# Debian 12 these three are 6.1, 6.12 (multi-generational LRU) and 7.3 (rstat trees of each controller).

VM_KERNELS    ?= linux-image-amd64 linux-image-6.12-amd64 linux-image-amd64@trixie-backports
GUEST_TESTS   := $(patsubst tests/vm/%.c,%,$(wildcard tests/vm/guest_*.c))
GUEST_SHARED  := $(BUILD)/tests/vm/guest.o $(BUILD)/tests/vm/loads.o
GUEST_OBJECTS := $(GUEST_TESTS:%=$(BUILD)/tests/vm/%.o) $(GUEST_SHARED)
GUESTS        := $(GUEST_TESTS:%=$(BUILD)/tests/vm/%)
# Unit tests whose programs must load, and count right, on each of the kernels.
VM_UNITS      := test_signal_network test_signal_tcp
VM_TESTS      := $(foreach kernel,$(VM_KERNELS),$(GUEST_TESTS:%=$(BUILD)/tests/vm/$(kernel)/%))

VM_UNIT_TESTS := $(foreach kernel,$(VM_KERNELS),$(VM_UNITS:%=$(BUILD)/tests/vm/$(kernel)/%))

vm: $(VM_TESTS) $(VM_UNIT_TESTS) $(BUILD)/tacho-agent ## the tests in VMs with a whole cgroup v2 tree alone (VM_KERNELS: Debian packages)
	@tests/run $(VM_TESTS) $(VM_UNIT_TESTS)

$(GUEST_OBJECTS): $(PROTO_GEN:.c=.h) | $(BPF_SKELS)
$(GUESTS): %: %.o $(GUEST_SHARED) $(LIB_AGENT) $(LIB_BASE)
	@echo '  LINK     $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(TEST_LIBS)

# What tests/run calls: one program that boots the VM and ends as the guest's program does.
$(VM_TESTS): $(BUILD)/tests/vm/%: tests/vm/rules.mk $(GUESTS)
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec tests/vm/run %s %s\n' \
		'$(ROOT)/vm/$(*D)' '$(BUILD)/tests/vm/$(*F)' > $@ && chmod +x $@

$(VM_UNIT_TESTS): $(BUILD)/tests/vm/%: tests/vm/rules.mk $(VM_UNITS:%=$(BUILD)/tests/unit/agent/%)
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec tests/vm/run %s %s\n' \
		'$(ROOT)/vm/$(*D)' '$(BUILD)/tests/unit/agent/$(*F)' > $@ && chmod +x $@

-include $(GUEST_OBJECTS:.o=.d)
