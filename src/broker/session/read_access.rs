//! What the client of a session may read. It is kept in the session, behind the lock that a delivery takes anyway.
use crate::broker::access::rights::ReadPermissions;
use crate::broker::cx::Cx;
use crate::broker::observe::event::Event;
use crate::broker::routing::message::RoutedMessage;
use crate::broker::routing::receiver::Grant;
use crate::broker::session::state::SessionState;
use crate::sync::Arc;

impl SessionState {
    /// Whether the client may read a message; a verdict that came with it spares the question.
    pub(crate) fn may_read(&self, message: &RoutedMessage<'_>, grant: &Grant) -> bool {
        let (reader, topic) = (self.reader.as_ref(), message.view.topic);
        reader.is_none_or(|reader| reader.may_read(topic, grant.verdict))
            && self.link.as_ref().is_none_or(|link| link.sees(topic))
    }

    /// Tells of the first message that is kept from the client.
    pub(crate) fn tell_denied(&mut self, topic: &str, cx: &mut Cx) {
        if let (false, Some(who), Some(reader)) = (self.told_unreadable, &self.who, &self.reader)
            && let Some(denial) = reader.deny(topic)
        {
            cx.events.push(Event::Unreadable { who: who.clone(), topic: topic.into(), denial });
            self.told_unreadable = true;
        }
    }

    /// From here on the client may read what `reader` says; what waits is asked when it is sent.
    pub(crate) fn set_reader(&mut self, reader: Option<Arc<ReadPermissions>>) {
        (self.reader, self.told_unreadable) = (reader, false);
    }
}
