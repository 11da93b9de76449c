#include "rcspike/phases.h"

#include "common/check.h"

namespace rcspike {

const char* name_of(Phases phases) {
    switch (phases) {
        case Phases::two:
            return "two";
        case Phases::single:
            break;
    }
    return "single";
}

Phases phases_of(const std::string& name) {
    for (const Phases phases : {Phases::two, Phases::single}) {
        if (name == name_of(phases)) return phases;
    }
    detail::reject("phases must be 'two' or 'single', got '", name, "'");
}

}  // namespace rcspike
