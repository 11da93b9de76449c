// Which instruction set the kernels run on: the best the machine has, or the one RCSPIKE_ISA names.
#pragma once

#include <string>
#include <vector>

namespace rcspike::kernels {

enum class Isa { scalar, avx2, avx512 };

std::string name(Isa isa);

/// Instruction sets compiled into this build, worst first; and those that this machine can also run.
std::vector<Isa> compiled();
std::vector<Isa> supported();

/// Decided at the first call. Throws std::runtime_error, with the list, if RCSPIKE_ISA is not in supported(). A program
/// that compares instruction sets may assign another entry of supported() while no computation runs.
Isa& in_use();

}  // namespace rcspike::kernels
