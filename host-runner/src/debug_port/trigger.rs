//! One core's cross trigger (Arm ARM H5, "The Embedded Cross-trigger Interface"): events on channels stop cores and resume them,
//! one or all of them.

const CONTROL: u32 = 0x000;
const ACKNOWLEDGE: u32 = 0x010;
const PULSE: u32 = 0x01c;
const INPUTS: u32 = 0x020;
const OUTPUTS: u32 = 0x0a0;
const OUTPUT_STATUS: u32 = 0x134;
const GATE: u32 = 0x140;
const DEVARCH: u32 = 0xfbc;

/// The trigger outputs that stop a core and resume it.
const STOP: usize = 0;
const RESUME: usize = 1;
/// The trigger input that says that the core has stopped.
const STOPPED: usize = 0;

/// How many triggers of each kind are kept.
const TRIGGERS: usize = 8;

/// What an event does to a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Stop,
    Resume,
}

/// The trigger registers of one core.
#[derive(Clone, Debug, Default)]
pub(super) struct Trigger {
    is_enabled: bool,
    gate: u32,
    inputs: [u32; TRIGGERS],
    outputs: [u32; TRIGGERS],
    /// The request to stop stands until it is acknowledged.
    is_requesting: bool,
}

impl Trigger {
    /// What a debugger reads.
    pub(super) fn read(&self, offset: u32) -> u32 {
        match offset {
            CONTROL => u32::from(self.is_enabled),
            GATE => self.gate,
            OUTPUT_STATUS => u32::from(self.is_requesting),
            DEVARCH => 0x4770_1a14,
            _ => trigger(INPUTS, offset)
                .map(|number| self.inputs[number])
                .or_else(|| trigger(OUTPUTS, offset).map(|number| self.outputs[number]))
                .unwrap_or_default(),
        }
    }

    /// What a debugger writes; the channels on which that is an event.
    pub(super) fn write(&mut self, offset: u32, value: u32) -> u32 {
        match offset {
            CONTROL => self.is_enabled = value & 1 != 0,
            GATE => self.gate = value,
            ACKNOWLEDGE if value & 1 << STOP != 0 => self.is_requesting = false,
            PULSE => return value,
            _ => {
                if let Some(number) = trigger(INPUTS, offset) {
                    self.inputs[number] = value;
                }
                if let Some(number) = trigger(OUTPUTS, offset) {
                    self.outputs[number] = value;
                }
            }
        }
        0
    }

    /// What events on these channels do to the core.
    pub(super) fn take(&mut self, channels: u32) -> Option<Effect> {
        if !self.is_enabled {
            return None;
        }
        if channels & self.outputs[STOP] != 0 {
            self.is_requesting = true;
            return Some(Effect::Stop);
        }
        // A core that is still asked to stop does not go on.
        let resumes = channels & self.outputs[RESUME] != 0 && !self.is_requesting;
        resumes.then_some(Effect::Resume)
    }

    /// The channels on which others hear of events on these here, and those here of events there.
    pub(super) const fn through_gate(&self, channels: u32) -> u32 {
        if self.is_enabled { channels & self.gate } else { 0 }
    }

    /// The channels on which it is an event that the core has stopped.
    pub(super) const fn on_stop(&self) -> u32 {
        self.inputs[STOPPED]
    }
}

/// Which trigger's register `offset` is, of those from `first` on.
fn trigger(first: u32, offset: u32) -> Option<usize> {
    let number = offset.checked_sub(first)? as usize / 4;
    (number < TRIGGERS && offset.is_multiple_of(4)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trigger() -> Trigger {
        let mut trigger = Trigger::default();
        for (offset, value) in [(CONTROL, 1), (OUTPUTS, 0b01), (OUTPUTS + 4, 0b10)] {
            assert_eq!(trigger.write(offset, value), 0);
        }
        trigger
    }

    #[test]
    fn a_core_that_is_asked_to_stop_goes_on_only_when_that_is_acknowledged() {
        let mut trigger = trigger();
        assert_eq!(trigger.take(0b01), Some(Effect::Stop));
        assert_eq!((trigger.read(OUTPUT_STATUS), trigger.take(0b10)), (1, None));
        trigger.write(ACKNOWLEDGE, 1);
        assert_eq!((trigger.read(OUTPUT_STATUS), trigger.take(0b10)), (0, Some(Effect::Resume)));
    }

    #[test]
    fn a_gate_keeps_events_at_home() {
        let mut trigger = trigger();
        assert_eq!((trigger.write(PULSE, 0b11), trigger.through_gate(0b11)), (0b11, 0));
        trigger.write(GATE, 0b01);
        assert_eq!(trigger.through_gate(0b11), 0b01);
        trigger.write(CONTROL, 0);
        assert_eq!((trigger.through_gate(0b11), trigger.take(0b01)), (0, None));
    }
}
