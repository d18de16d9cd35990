//! The plugins that mosquitto 2.1 comes with, recognized by their file names: what they do is built in.

use std::collections::BTreeMap;
use std::path::Path;

use super::Table;
use super::fault::{ConfigError, FilePosition};
use super::listener::Security;
use super::read::{ConfigReader, Context};

/// A plugin of mosquitto.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownPlugin {
    PasswordFile,
    AclFile,
    PersistSqlite,
    DynamicSecurity,
}

impl KnownPlugin {
    fn of(path: &str) -> Option<Self> {
        match Path::new(path).file_stem()?.to_str()? {
            "mosquitto_password_file" => Some(Self::PasswordFile),
            "mosquitto_acl_file" => Some(Self::AclFile),
            "mosquitto_persist_sqlite" => Some(Self::PersistSqlite),
            "mosquitto_dynamic_security" => Some(Self::DynamicSecurity),
            _ => None,
        }
    }

    /// The option that is given to it, which is also the built-in one.
    fn option(self) -> Option<&'static str> {
        match self {
            Self::PasswordFile => Some("password_file"),
            Self::AclFile => Some("acl_file"),
            Self::PersistSqlite | Self::DynamicSecurity => None,
        }
    }
}

/// A plugin that `plugin_load` has named, for `plugin_use`.
#[derive(Debug)]
pub(super) struct NamedPlugin {
    known: KnownPlugin,
    /// The value of its option, and where it stands.
    file: Option<(FilePosition, String)>,
}

/// Which plugin a `plugin_opt_` line belongs to.
#[derive(Clone, Debug, Default)]
pub(super) enum PluginScope {
    /// One that is refused, or none.
    #[default]
    Other,
    Here(KnownPlugin),
    Named(String),
}

pub(super) type NamedPlugins = BTreeMap<String, NamedPlugin>;

const DYNAMIC_SECURITY: &str = "the dynamic security plugin is not supported yet; move its clients to password_file, which reads \
    the same password hashes, and its roles to acl_file";

impl ConfigReader<'_> {
    /// Reads a line about a plugin; whether it was one about a plugin that is known.
    pub(super) fn plugin_line(
        &mut self,
        place: &FilePosition,
        name: &str,
        value: &str,
        context: &mut Context,
    ) -> bool {
        match name {
            "plugin" | "global_plugin" | "auth_plugin" => {
                let known = KnownPlugin::of(value);
                context.plugin = known.map_or(PluginScope::Other, PluginScope::Here);
                known.is_some_and(|known| self.begin_plugin(place, known))
            }
            "plugin_load" => {
                let (label, path) = value.split_once([' ', '\t']).unwrap_or((value, ""));
                let Some(known) = KnownPlugin::of(path.trim()) else {
                    context.plugin = PluginScope::Other;
                    return false;
                };
                context.plugin = PluginScope::Named(label.to_owned());
                self.named_plugins.insert(label.to_owned(), NamedPlugin { known, file: None });
                self.begin_plugin(place, known)
            }
            "plugin_use" => {
                let Some(plugin) = self.named_plugins.get(value) else { return false };
                if let (Some(option), Some((place, file))) = (plugin.known.option(), plugin.file.clone()) {
                    self.plugin_file(&place, option, &file, context);
                }
                true
            }
            _ => match name.strip_prefix("plugin_opt_").or_else(|| name.strip_prefix("auth_opt_")) {
                Some(option) => self.plugin_option(place, option, value, context),
                None => false,
            },
        }
    }

    /// Does what loading the plugin does.
    fn begin_plugin(&mut self, place: &FilePosition, known: KnownPlugin) -> bool {
        match known {
            KnownPlugin::PersistSqlite => {
                let section = &mut self.config.persistence;
                section.values.enabled = true;
                section.given.insert("persistence", place.clone());
            }
            KnownPlugin::DynamicSecurity => self.faults.push(ConfigError::new(place, DYNAMIC_SECURITY)),
            KnownPlugin::PasswordFile | KnownPlugin::AclFile => {}
        }
        true
    }

    fn plugin_option(
        &mut self,
        place: &FilePosition,
        option: &str,
        value: &str,
        context: &mut Context,
    ) -> bool {
        let known = match &context.plugin {
            PluginScope::Other => return false,
            PluginScope::Here(known) => *known,
            PluginScope::Named(label) => match self.named_plugins.get_mut(label) {
                Some(plugin) if plugin.known.option() == Some(option) => {
                    plugin.file = Some((place.clone(), value.to_owned()));
                    return true;
                }
                Some(plugin) => plugin.known,
                None => return false,
            },
        };
        match known.option().filter(|wanted| *wanted == option) {
            Some(option) => self.plugin_file(place, option, value, context),
            // That of a plugin that is refused as a whole needs no words of its own.
            None if known == KnownPlugin::DynamicSecurity => {}
            None => {
                let what = format!("plugin_opt_{option} is ignored: what the plugin does is built in");
                self.config.warnings.push(ConfigError::new(place, what));
            }
        }
        true
    }

    /// Sets the built-in option that takes the place of a plugin's.
    fn plugin_file(&mut self, place: &FilePosition, option: &str, value: &str, context: &Context) {
        if let Some(entry) = Security::entry(option) {
            self.security_option(place, entry.name(), value, entry, context);
        }
    }
}
