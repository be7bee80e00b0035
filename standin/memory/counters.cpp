#include "engine_counters.h"

namespace mp::standin {
constinit EngineCounters engine_counters{};
}
