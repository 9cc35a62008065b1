// nghttp2, whose HPACK reads the answers of gRPC servers.
#pragma once
#include <nghttp2/nghttp2.h>
