// The game's threads beside the main one. They run one phase at a time, started together; the main thread waits for the
// two groups separately: it joins the AI threads inside a frame, the others only at its end.
#pragma once

#include "app/actor.h"

#include <cstdint>
#include <memory>
#include <vector>
#include <windows.h>

namespace mp::app {

enum class Phase : std::uint8_t { open, prepare, run, finish, quit };
enum class Crew : std::uint8_t { ai, background };

class Team {
public:
    Team() = default;
    ~Team();
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    /// Starts the actor's thread and lets it open its scrap heaps before returning: the engine's map of scrap heaps is
    /// not locked. Returns false when the thread cannot be made.
    bool add(Actor& actor);

    /// Lets all threads do a phase.
    void start(Phase phase, std::uint32_t step);
    /// Waits until every thread of the crew is done with it.
    void join(Crew crew);
    void join_all();

private:
    struct Member {
        Team* team;
        Actor* actor;
        HANDLE thread;
        Crew crew;
        std::uint32_t generation;  ///< last one it has seen
    };

    static DWORD WINAPI thread_main(void* member);
    void serve(Member& member);
    static void perform(Actor& actor, Phase phase, std::uint32_t step);

    SRWLOCK lock_ = SRWLOCK_INIT;
    CONDITION_VARIABLE begin_ = CONDITION_VARIABLE_INIT;
    CONDITION_VARIABLE done_ = CONDITION_VARIABLE_INIT;
    std::uint32_t generation_ = 0;
    Phase phase_ = Phase::open;
    std::uint32_t step_ = 0;
    std::uint32_t busy_[2] = {0, 0};
    std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace mp::app
