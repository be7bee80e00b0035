// Results as JSON (what becomes of them: docs/results.md) and as text.
#pragma once

#include "app/doors.h"
#include "app/extender.h"
#include "app/patterns.h"
#include "app/scenario_run.h"
#include "app/stale_probe.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace mp::app {

nlohmann::json to_json(const Scenario& scenario, const ScenarioResult& result);
nlohmann::json to_json(const std::vector<PatternResult>& results);

nlohmann::json to_json(const std::vector<DoorResult>& results);
nlohmann::json to_json(const std::vector<StaleGroup>& groups);
nlohmann::json to_json(const std::vector<FreedMemory>& results);

/// Runs the plugin's commands in the console. One object a command: its number, its value as a condition, and the
/// lines the console printed.
nlohmann::json run_console_commands(const Extender& extender);

/// Runs lines as if typed into the console. One object a line: its text, its number, what the console printed.
nlohmann::json run_console_lines(const Extender& extender, const std::vector<std::string>& lines);

/// False when the file cannot be written.
bool write_json(const std::string& path, const nlohmann::json& document);

}  // namespace mp::app
