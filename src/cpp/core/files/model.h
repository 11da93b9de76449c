// Model files as the Python package writes them.
#pragma once

#include <istream>
#include <string>

#include "rcspike/network.h"

namespace rcspike::detail {

/// As Network::load, from a stream; errors call it by `path`.
template <class Real>
Network<Real> read_model(std::istream& stream, const std::string& path);

}  // namespace rcspike::detail
