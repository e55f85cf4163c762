module switchyard.local/toolchain/istio

go 1.26

require istio.io/api v1.31.4
