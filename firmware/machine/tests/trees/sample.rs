//! Trees, written from what is public about the machines (sources: `machine::Soc`, and the kernels' own trees).

use framekeeper::devicetree::Tree;
use vm_fdt::FdtWriter;

type Result = std::result::Result<(), vm_fdt::Error>;

/// Reads the blob, and shows `look` the tree.
pub(crate) fn with<R>(blob: &[u8], look: impl FnOnce(&Tree<'_>) -> R) -> R {
    look(&Tree::new(blob).unwrap())
}

/// What a test changes in a tree.
#[derive(Clone, Copy)]
pub(crate) struct Options<'a> {
    /// `/chosen/stdout-path`.
    pub(crate) stdout: Option<&'a str>,
    /// `/chosen/bootargs`.
    pub(crate) arguments: &'a str,
    /// `status` of the debug port.
    pub(crate) port: Option<&'a str>,
    /// `status` of the node around it.
    pub(crate) wrapper: Option<&'a str>,
    /// Whether `/aliases` names the debug port.
    pub(crate) alias: bool,
    /// Whether the tree knows the power management unit.
    pub(crate) pmu: bool,
    /// Memory that the boot loader marks as not to be mapped.
    pub(crate) no_map: &'a [(u64, u32)],
    /// A screen, in a virtual machine.
    pub(crate) frame: Option<Frame>,
    /// The region for a kernel's last words.
    pub(crate) ramoops: Option<(u32, u32)>,
}

/// A screen as a tree describes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) start: u32,
    pub(crate) size: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) stride: u32,
    pub(crate) format: &'static str,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            stdout: None,
            arguments: "console=ttySAC0,115200n8",
            port: None,
            wrapper: None,
            alias: true,
            pmu: true,
            no_map: &[],
            ramoops: None,
            frame: None,
        }
    }
}

/// In the shape of the upstream kernel's: devices in `/soc@0`, the port in its wrapper, one cell for a core and four for
/// an interrupt.
pub(crate) fn upstream(options: Options<'_>) -> Vec<u8> {
    let mut fdt = FdtWriter::new().unwrap();
    let root = fdt.begin_node("").unwrap();
    fdt.property_string("model", "Oriole").unwrap();
    fdt.property_string_list("compatible", strings(&["google,gs101-oriole", "google,gs101"])).unwrap();
    cells(&mut fdt, 2, 1).unwrap();
    if options.alias {
        node(&mut fdt, "aliases", |fdt| {
            fdt.property_string("serial0", "/soc@0/usi@10a000c0/serial@10a00000")
        });
    }
    chosen(&mut fdt, options);
    boot_loader(&mut fdt, options);
    cores(&mut fdt, 1);
    psci(&mut fdt);
    node(&mut fdt, "soc@0", |fdt| {
        fdt.property_string("compatible", "simple-bus")?;
        fdt.property_array_u32("ranges", &[0, 0, 0, 0x4000_0000])?;
        cells(fdt, 1, 1)?;
        for (name, address, status) in
            [("watchdog@10060000", 0x1006_0000, "okay"), ("watchdog@10070000", 0x1007_0000, "disabled")]
        {
            device(fdt, name, "google,gs101-wdt", &[address, 0x100], Some(status));
        }
        gic(fdt, 4, &[0x1040_0000, 0x1_0000, 0x1044_0000, 0x10_0000]);
        node(fdt, "usi@10a000c0", |fdt| {
            fdt.property_string("compatible", "google,gs101-usi")?;
            fdt.property_array_u32("reg", &[0x10a0_00c0, 0x20])?;
            fdt.property_null("ranges")?;
            cells(fdt, 1, 1)?;
            status(fdt, options.wrapper)?;
            let reg = [0x10a0_0000, 0xc0];
            device(fdt, "serial@10a00000", "google,gs101-uart", &reg, options.port);
            Ok(())
        });
        if options.pmu {
            let reg = [0x1746_0000, 0x1_0000];
            device(fdt, "system-controller@17460000", "google,gs101-pmu", &reg, None);
        }
        Ok(())
    });
    timer(&mut fdt, 4, None);
    fdt.end_node(root).unwrap();
    fdt.finish().unwrap()
}

/// In the shape of the phone's own: devices at the root, two cells for a core and three for an interrupt, and more ports of
/// the same kind than the one for debugging, one of them before it.
pub(crate) fn stock(options: Options<'_>) -> Vec<u8> {
    let mut fdt = FdtWriter::new().unwrap();
    let root = fdt.begin_node("").unwrap();
    fdt.property_string("compatible", "google,gs101").unwrap();
    cells(&mut fdt, 2, 1).unwrap();
    if options.alias {
        node(&mut fdt, "aliases", |fdt| fdt.property_string("uart0", "/uart@10A00000"));
    }
    chosen(&mut fdt, options);
    boot_loader(&mut fdt, options);
    gic(&mut fdt, 3, &[0, 0x1040_0000, 0x1_0000, 0, 0x1044_0000, 0x10_0000]);
    timer(&mut fdt, 3, Some(24_576_000));
    let reg = [0, 0x1094_0000, 0x100];
    device(&mut fdt, "uart@10940000", "samsung,exynos-uart", &reg, Some("okay"));
    let reg = [0, 0x10a0_0000, 0x100];
    device(&mut fdt, "uart@10A00000", "samsung,exynos-uart", &reg, options.port);
    if options.pmu {
        let reg = [0, 0x1746_0000, 0x1_0000];
        device(&mut fdt, "system-controller@17460000", "samsung,gs101-pmu", &reg, None);
    }
    for (name, compatible, address) in [
        ("watchdog_cl0@10060000", "google,gs101-cl0-wdt", 0x1006_0000),
        ("watchdog_cl1@10070000", "google,gs101-cl1-wdt", 0x1007_0000),
    ] {
        device(&mut fdt, name, compatible, &[0, address, 0x100], None);
    }
    cores(&mut fdt, 2);
    psci(&mut fdt);
    fdt.end_node(root).unwrap();
    fdt.finish().unwrap()
}

/// In the shape of QEMU's `virt` machine.
pub(crate) fn virt(options: Options<'_>) -> Vec<u8> {
    let mut fdt = FdtWriter::new().unwrap();
    let root = fdt.begin_node("").unwrap();
    fdt.property_string("compatible", "linux,dummy-virt").unwrap();
    cells(&mut fdt, 2, 2).unwrap();
    chosen(&mut fdt, options);
    node(&mut fdt, "memory@40000000", |fdt| {
        fdt.property_string("device_type", "memory")?;
        fdt.property_array_u64("reg", &[0x4000_0000, 0x4000_0000])
    });
    cores(&mut fdt, 1);
    psci(&mut fdt);
    gic(&mut fdt, 3, &[0, 0x800_0000, 0, 0x1_0000, 0, 0x80a_0000, 0, 0xf6_0000]);
    timer(&mut fdt, 3, None);
    if let Some(frame) = options.frame {
        node(&mut fdt, "framebuffer", |fdt| {
            fdt.property_string("compatible", "simple-framebuffer")?;
            fdt.property_array_u32("reg", &[0, frame.start, 0, frame.size])?;
            fdt.property_u32("width", frame.width)?;
            fdt.property_u32("height", frame.height)?;
            fdt.property_u32("stride", frame.stride)?;
            fdt.property_string("format", frame.format)
        });
    }
    device(&mut fdt, "pl011@9000000", "arm,pl011", &[0, 0x900_0000, 0, 0x1000], options.port);
    fdt.end_node(root).unwrap();
    fdt.finish().unwrap()
}

/// What the phone's boot loader adds: memory in entries that 32 bits of size can hold, and reservations.
fn boot_loader(fdt: &mut FdtWriter, options: Options<'_>) {
    node(fdt, "memory@80000000", |fdt| {
        fdt.property_string("device_type", "memory")?;
        let banks = [(0, 0x8000_0000), (8, 0x8000_0000), (9, 0), (9, 0x8000_0000)];
        let reg: Vec<u32> = banks.iter().flat_map(|&(high, low)| [high, low, 0x8000_0000]).collect();
        fdt.property_array_u32("reg", &reg)
    });
    node(fdt, "reserved-memory", |fdt| {
        cells(fdt, 2, 1)?;
        fdt.property_null("ranges")?;
        for &(start, size) in options.no_map {
            node(fdt, &format!("secure@{start:x}"), |fdt| {
                fdt.property_array_u32("reg", &[(start >> 32) as u32, start as u32, size])?;
                fdt.property_null("no-map")
            });
        }
        if let Some((start, size)) = options.ramoops {
            node(fdt, &format!("ramoops_mem@{start:x}"), |fdt| {
                fdt.property_array_u32("reg", &[0, start, size])
            });
        }
        Ok(())
    });
}

fn chosen(fdt: &mut FdtWriter, options: Options<'_>) {
    node(fdt, "chosen", |fdt| {
        fdt.property_string("bootargs", options.arguments)?;
        options.stdout.map_or(Ok(()), |path| fdt.property_string("stdout-path", path))
    });
}

fn cores(fdt: &mut FdtWriter, address_cells: u32) {
    node(fdt, "cpus", |fdt| {
        cells(fdt, address_cells, 0)?;
        for core in 0..8 {
            node(fdt, &format!("cpu@{core}00"), |fdt| {
                fdt.property_string("device_type", "cpu")?;
                let reg = [0, core << 8];
                fdt.property_array_u32("reg", &reg[2 - address_cells as usize..])
            });
        }
        node(fdt, "idle-states", |fdt| fdt.property_string("entry-method", "psci"));
        Ok(())
    });
}

fn psci(fdt: &mut FdtWriter) {
    node(fdt, "psci", |fdt| {
        fdt.property_string("compatible", "arm,psci-1.0")?;
        fdt.property_string("method", "smc")
    });
}

fn gic(fdt: &mut FdtWriter, interrupt_cells: u32, reg: &[u32]) {
    node(fdt, "interrupt-controller", |fdt| {
        fdt.property_string("compatible", "arm,gic-v3")?;
        fdt.property_u32("#interrupt-cells", interrupt_cells)?;
        fdt.property_array_u32("reg", reg)
    });
}

fn timer(fdt: &mut FdtWriter, interrupt_cells: usize, frequency: Option<u32>) {
    node(fdt, "timer", |fdt| {
        fdt.property_string("compatible", "arm,armv8-timer")?;
        let interrupts = [13, 14, 11, 10]
            .iter()
            .flat_map(|&number| [1, number, 0xff08, 0].into_iter().take(interrupt_cells));
        fdt.property_array_u32("interrupts", &interrupts.collect::<Vec<u32>>())?;
        frequency.map_or(Ok(()), |frequency| fdt.property_u32("clock-frequency", frequency))
    });
}

fn device(fdt: &mut FdtWriter, name: &str, compatible: &str, reg: &[u32], on: Option<&str>) {
    node(fdt, name, |fdt| {
        fdt.property_string("compatible", compatible)?;
        fdt.property_array_u32("reg", reg)?;
        status(fdt, on)
    });
}

fn status(fdt: &mut FdtWriter, status: Option<&str>) -> Result {
    status.map_or(Ok(()), |status| fdt.property_string("status", status))
}

fn cells(fdt: &mut FdtWriter, address: u32, size: u32) -> Result {
    fdt.property_u32("#address-cells", address)?;
    fdt.property_u32("#size-cells", size)
}

fn node(fdt: &mut FdtWriter, name: &str, fill: impl FnOnce(&mut FdtWriter) -> Result) {
    let open = fdt.begin_node(name).unwrap();
    fill(fdt).unwrap();
    fdt.end_node(open).unwrap();
}

fn strings(strings: &[&str]) -> Vec<String> {
    strings.iter().map(|&string| string.to_owned()).collect()
}
