SELECT user_id FROM events WHERE category = 'none of them'
