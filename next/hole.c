#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/eventfd.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
static int fd; static unsigned ioas;
static void get(const char *w){struct iommu_ioas_msi_window g={.size=sizeof g,.ioas_id=ioas,.op=IOMMU_MSI_WINDOW_OP_GET};int r=ioctl(fd,IOMMU_IOAS_MSI_WINDOW,&g);printf("%s: rc=%d policy=%u start=%llx length=%llx flags=%x min=%llx\n",w,r,g.policy,g.start,g.length,g.flags,g.out_min_length);}
static void set(int p,const char *w){struct iommu_ioas_msi_window g={.size=sizeof g,.ioas_id=ioas,.op=IOMMU_MSI_WINDOW_OP_SET,.policy=p};int r=ioctl(fd,IOMMU_IOAS_MSI_WINDOW,&g);printf("SET %s rc=%d %s\n",w,r,r?strerror(errno):"");}
static void allow(unsigned long long s,unsigned long long l){struct iommu_iova_range r={s,l};struct iommu_ioas_allow_iovas a={.size=sizeof a,.ioas_id=ioas,.num_iovas=1,.allowed_iovas=(unsigned long)&r};int rc=ioctl(fd,IOMMU_IOAS_ALLOW_IOVAS,&a);printf("ALLOW %llx-%llx rc=%d %s\n",s,l,rc,rc?strerror(errno):"");}
int main(void){
 fd=open("/dev/iommu",O_RDWR);int dev=open("/dev/vfio/devices/vfio0",O_RDWR);
 struct vfio_device_bind_iommufd b={.argsz=sizeof b,.iommufd=fd};printf("bind %d\n",ioctl(dev,VFIO_DEVICE_BIND_IOMMUFD,&b));
 struct iommu_ioas_alloc a={.size=sizeof a};printf("alloc %d\n",ioctl(fd,IOMMU_IOAS_ALLOC,&a));ioas=a.out_ioas_id;
 set(2,"AUTO");allow(0,0xfffffff);get("before attach, 256M allowed");
 struct vfio_device_attach_iommufd_pt at={.argsz=sizeof at,.pt_id=ioas};printf("attach %d\n",ioctl(dev,VFIO_DEVICE_ATTACH_IOMMUFD_PT,&at));
 get("after attach");
 /* userspace may map over the hole */
 void *p=aligned_alloc(65536,65536);struct iommu_ioas_map m={.size=sizeof m,.flags=7,.ioas_id=ioas,.user_va=(unsigned long)p,.length=65536,.iova=0x10000000};
 printf("map in hole %d\n",ioctl(fd,IOMMU_IOAS_MAP,&m));
 m.iova=0x3eff0000; printf("map at window %d\n",ioctl(fd,IOMMU_IOAS_MAP,&m)); get("after map");
 char buf[sizeof(struct vfio_irq_set)+4];struct vfio_irq_set*s=(void*)buf;s->argsz=sizeof buf;s->flags=VFIO_IRQ_SET_DATA_EVENTFD|VFIO_IRQ_SET_ACTION_TRIGGER;s->index=VFIO_PCI_MSIX_IRQ_INDEX;s->start=0;s->count=1;*(int*)s->data=eventfd(0,0);
 printf("set_irqs %d\n",ioctl(dev,VFIO_DEVICE_SET_IRQS,s));get("live");
 m.iova=0x3f000000; printf("map at live window %d %s\n",ioctl(fd,IOMMU_IOAS_MAP,&m),strerror(errno));
 return 0;}
