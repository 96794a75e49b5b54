# The outer machine where the packaged QEMU will not do: virt with its SMMUv3,
# and an e1000e.
CONFIG_ARM_VIRT=y
CONFIG_PCIE_PORT=y
CONFIG_E1000E_PCI_EXPRESS=y
# 10.2.2 does not link without these
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_MEM=y
CONFIG_CXL=y
CONFIG_PXB=y
CONFIG_CXL_MEM_DEVICE=y
