# The chart's tests and the images', and what they and lint look YAML up with.

FLATTEN := $(BUILD)/tests/chart/flatten

chart: $(FLATTEN) $(PROGRAMS) ## the tests of chart and images alone (HELM=PATH)
	@BUILD=$(BUILD) tests/run tests/chart/test_chart tests/images/test_images

$(FLATTEN): tests/chart/flatten.c
	@mkdir -p $(@D)
	@echo '  CC       $<'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -lyaml
