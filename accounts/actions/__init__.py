"""Everything that writes about people and groups, one file per subject."""

from .groups import archive_group, change_group, create_group, renew_invitation, set_joining
from .membership import change_role, end_membership, ending_preview, join_group, joining_problems
from .people import (
    change_password,
    change_profile,
    choose_theme,
    close_account,
    closing_problems,
    log_out_everywhere,
    register_person,
    registration_problems,
    stop_mail,
)

__all__ = [
    "archive_group",
    "change_group",
    "change_password",
    "change_profile",
    "change_role",
    "choose_theme",
    "close_account",
    "closing_problems",
    "create_group",
    "end_membership",
    "ending_preview",
    "join_group",
    "joining_problems",
    "log_out_everywhere",
    "register_person",
    "registration_problems",
    "renew_invitation",
    "set_joining",
    "stop_mail",
]
