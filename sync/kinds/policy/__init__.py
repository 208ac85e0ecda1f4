"""policy: the settings of a company that its phones go by. It only goes down."""

from sync.kinds.policy.publish import POLICY as KIND

__all__ = ["KIND"]
