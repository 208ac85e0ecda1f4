"""form_template: a form as people fill it in, in the version that is in force. It only goes down."""

from sync.kinds.form_template.publish import FORM_TEMPLATE as KIND

__all__ = ["KIND"]
