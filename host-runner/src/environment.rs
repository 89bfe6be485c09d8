//! What the environment says in place of options: each option of `run` has a variable, its **twin**.

use crate::cli::Cli;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command as Definition, CommandFactory, Error};
use std::ffi::OsString;
use std::process::Command;

/// Has an error name the variables that what is wrong comes from: the message itself speaks of options, which nobody may have
/// written.
pub(crate) fn with_variables(mut error: Error) -> Error {
    let definition = definition();
    let blamed = blamed(&error);
    let from_there = arguments(&definition)
        .into_iter()
        .filter(|argument| blamed.contains(&argument.to_string()) && is_from_there(&error, argument));
    let mut tips: Vec<String> = from_there.filter_map(tip).collect();
    tips.sort();
    tips.dedup();
    if !tips.is_empty() {
        let tips = tips.into_iter().map(Into::into).collect();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

/// Takes every twin out of the environment of a program that is not asked for what this one is.
pub(crate) fn remove_twins(program: &mut Command) {
    let definition = definition();
    for twin in arguments(&definition).into_iter().filter_map(Arg::get_env) {
        if twin.to_string_lossy().starts_with("FRAMEKEEPER_") {
            program.env_remove(twin);
        }
    }
}

/// All commands, with the options that they share.
fn definition() -> Definition {
    let mut definition = Cli::command();
    definition.build();
    definition
}

/// The options that an error speaks of, as it writes them.
fn blamed(error: &Error) -> Vec<String> {
    let parts = [ContextKind::InvalidArg, ContextKind::PriorArg].map(|kind| error.get(kind));
    let names = parts.into_iter().flatten().flat_map(|part| match part {
        ContextValue::String(name) => vec![name.clone()],
        ContextValue::Strings(names) => names.clone(),
        _ => Vec::new(),
    });
    names.collect()
}

/// Every argument of every command.
fn arguments(definition: &Definition) -> Vec<&Arg> {
    let below = definition.get_subcommands().flat_map(arguments);
    definition.get_arguments().chain(below).collect()
}

/// Whether what an error says of an option comes from its twin: the value is the twin's, or where no value is wrong, nobody
/// has written the option.
fn is_from_there(error: &Error, option: &Arg) -> bool {
    let Some(twin) = option.get_env().and_then(std::env::var_os) else { return false };
    match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => twin.to_string_lossy() == value.as_str(),
        _ => !option.get_long().is_some_and(is_written),
    }
}

fn is_written(long: &str) -> bool {
    let written = |word: OsString| {
        let rest = word.to_str()?.strip_prefix("--")?.strip_prefix(long)?;
        Some(rest.is_empty() || rest.starts_with('='))
    };
    std::env::args_os().any(|word| written(word) == Some(true))
}

fn tip(argument: &Arg) -> Option<String> {
    let twin = argument.get_env()?;
    let value = std::env::var_os(twin)?;
    let (twin, value) = (twin.to_string_lossy(), value.to_string_lossy());
    Some(format!("the environment says so: {twin} is `{value}`"))
}
