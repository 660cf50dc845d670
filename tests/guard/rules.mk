# The regression guard: what requests, samples and pods cost, counted and held against tests/guard/figures.

GUARDS := \
	guard_request \
	guard_sample \
	guard_memory \
	guard_agent

GUARD_PROGRAMS := $(GUARDS:%=$(BUILD)/tests/guard/%)
GUARD_SHARED   := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/guard/guard_%.c,$(wildcard tests/guard/*.c)))

.PHONY: guard
guard: $(GUARD_PROGRAMS) ## instructions, allocations and bytes against tests/guard/figures (UPDATE=1: write them anew)
	$(if $(SAN),$(error make guard counts what is built without sanitizers))
	@tests/run tests/guard/test_compare
	@tests/guard/run $(if $(UPDATE),--update) $(GUARD_PROGRAMS)

$(GUARD_PROGRAMS): %: %.o $(GUARD_SHARED) $(LIB_HARNESS) $(LIB_AGENT) $(LIB_AGGREGATOR) $(LIB_BASE)
	@echo '  LINK     $@'
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(TEST_LIBS)
$(GUARD_PROGRAMS:=.o) $(GUARD_SHARED): $(PROTO_GEN:.c=.h) | $(BPF_SKELS)

-include $(GUARD_PROGRAMS:=.d) $(GUARD_SHARED:.o=.d)
