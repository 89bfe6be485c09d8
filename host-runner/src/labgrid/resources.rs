//! What a place consists of, as `labgrid-client env` writes it: YAML, of which this reads what that program writes and no more.

use super::LabgridError;
use crate::link::Port;
use std::collections::BTreeMap;

/// Something that belongs to a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Resource {
    /// labgrid's name of its kind.
    class: String,
    fields: BTreeMap<String, String>,
}

/// A line of the list: `    - NetworkSerialPort:`.
const ITEM: &str = "- ";

/// Everything that belongs to the place.
pub(super) fn resources(said: &str) -> Vec<Resource> {
    let mut resources = Vec::<Resource>::new();
    let lines = said.lines().skip_while(|line| line.trim_end() != "targets:");
    for line in lines {
        let line = line.trim();
        if let Some(class) = line.strip_prefix(ITEM) {
            let class = class.trim_end_matches(" {}").trim_end_matches(':').to_owned();
            resources.push(Resource { class, fields: BTreeMap::new() });
        } else if let (Some(resource), Some((key, value))) = (resources.last_mut(), line.split_once(": ")) {
            resource.fields.insert(key.to_owned(), plain(value));
        }
    }
    resources
}

/// A value without what YAML may put around it.
fn plain(value: &str) -> String {
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    quoted('\'').or_else(|| quoted('"')).unwrap_or(value).to_owned()
}

/// Where the board's boot loader listens, as `fastboot -s` takes it.
pub(super) fn device(resources: &[Resource], place: &str) -> Result<String, LabgridError> {
    let nets = |resource: &&Resource| resource.class.ends_with("AndroidNetFastboot");
    match only(resources.iter().filter(nets), place, "fastboot")? {
        Some(net) => {
            let field = |name: &str| net.field(name, place);
            Ok(format!("{}:{}:{}", field("protocol")?, field("address")?, field("port")?))
        }
        None => Err(match resources.iter().any(|resource| resource.class.contains("USBFastboot")) {
            true => LabgridError::FarUsb { place: place.to_owned() },
            false => LabgridError::Lacks { place: place.to_owned(), what: "AndroidNetFastboot" },
        }),
    }
}

/// Where the board's console is.
pub(super) fn console(resources: &[Resource], place: &str) -> Result<Port, LabgridError> {
    let serial = |resource: &&Resource| resource.class == "NetworkSerialPort";
    let port = only(resources.iter().filter(serial), place, "serial port")?;
    let port = port.ok_or(LabgridError::Lacks { place: place.to_owned(), what: "NetworkSerialPort" })?;
    // What is not said is what labgrid takes for it.
    let protocol = port.fields.get("protocol").map_or("rfc2217", String::as_str);
    let kind = match protocol {
        "raw" => Port::Network,
        "rfc2217" => Port::Telnet,
        other => return Err(LabgridError::Protocol { place: place.to_owned(), protocol: other.to_owned() }),
    };
    Ok(kind(format!("{}:{}", port.field("host", place)?, port.field("port", place)?)))
}

/// The only one there is, if there is any.
fn only<'a>(
    mut found: impl Iterator<Item = &'a Resource>,
    place: &str,
    what: &'static str,
) -> Result<Option<&'a Resource>, LabgridError> {
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(LabgridError::Several { place: place.to_owned(), what }),
        (first, None) => Ok(first),
    }
}

impl Resource {
    fn field(&self, name: &str, place: &str) -> Result<&str, LabgridError> {
        let missing = || LabgridError::Unexpected {
            step: "telling what the place consists of",
            said: format!("the {} of {place} has no `{name}`", self.class),
        };
        // A port that is not there yet, or no more, is written as `null`.
        self.fields.get(name).filter(|value| *value != "null").map(String::as_str).ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
targets:
  twin:
    resources:
    - RemoteAndroidNetFastboot:
        name: AndroidNetFastboot
        port: 5554
        host: lab-1
        protocol: tcp
        address: 127.0.0.1
    - NetworkPowerPort:
        model: rest
        host: http://127.0.0.1:4002/power
        index: 0
    - NetworkSerialPort:
        port: 4001
        speed: 3000000
        host: 'lab-1'
        protocol: raw

";

    fn console_of(said: &str) -> Result<Port, LabgridError> {
        console(&resources(said), "twin")
    }

    #[test]
    fn a_place_tells_where_its_board_is() {
        let resources = resources(SAID);
        assert_eq!(resources.len(), 3);
        assert_eq!(device(&resources, "twin"), Ok("tcp:127.0.0.1:5554".into()));
        assert_eq!(console(&resources, "twin"), Ok(Port::Network("lab-1:4001".into())));
    }

    #[test]
    fn what_comes_before_is_not_the_place() {
        let warned = format!("WARNING: the coordinator is older\n- twin:\n{SAID}");
        assert_eq!(resources(&warned), resources(SAID));
    }

    #[test]
    fn a_place_that_lacks_something_is_told_with_what_it_lacks() {
        assert_eq!(
            console_of("targets:\n"),
            Err(LabgridError::Lacks { place: "twin".into(), what: "NetworkSerialPort" })
        );
        let usb = resources("targets:\n    - RemoteAndroidUSBFastboot:\n        busnum: 1\n");
        assert_eq!(device(&usb, "twin"), Err(LabgridError::FarUsb { place: "twin".into() }));
        assert_eq!(
            device(&[], "twin"),
            Err(LabgridError::Lacks { place: "twin".into(), what: "AndroidNetFastboot" })
        );
    }

    #[test]
    fn a_port_that_is_not_there_is_not_taken() {
        let error = console_of(&SAID.replace("port: 4001", "port: null")).unwrap_err();
        assert!(
            matches!(&error, LabgridError::Unexpected { said, .. } if said.contains("`port`")),
            "{error}"
        );
    }

    #[test]
    fn a_console_is_passed_on_as_it_is_or_by_telnet() {
        let spoken = |protocol: &str| console_of(&SAID.replace("        protocol: raw\n", protocol));
        let telnet = Ok(Port::Telnet("lab-1:4001".into()));
        assert_eq!(spoken("        protocol: rfc2217\n"), telnet);
        assert_eq!(spoken(""), telnet, "what labgrid takes for what is not said");
        let other = LabgridError::Protocol { place: "twin".into(), protocol: "morse".into() };
        assert_eq!(spoken("        protocol: morse\n"), Err(other));
    }

    #[test]
    fn two_consoles_are_one_too_many() {
        let twice = format!("{SAID}    - NetworkSerialPort:\n        port: 4002\n");
        assert_eq!(
            console_of(&twice),
            Err(LabgridError::Several { place: "twin".into(), what: "serial port" })
        );
    }
}
