# The smallest x86_64 machine with passed-through PCI devices.
CONFIG_Q35=y
CONFIG_VFIO=y
CONFIG_VFIO_PCI=y
CONFIG_IOMMUFD=y
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_IOMMU=y
# 10.2.2 does not link without these
CONFIG_VIRTIO_MEM=y
CONFIG_CXL=y
CONFIG_PXB=y
CONFIG_CXL_MEM_DEVICE=y
# nor does it start without this
CONFIG_PCIE_PORT=y
